// Package jobs does slow work later, once, whatever crashes: jobs on River, enqueued in the transaction that causes them.
//
// A job is a row. A worker claims it, works, and ends it in the transaction of its effect, fenced by the number of the attempt:
// a worker that was stopped in the meantime, and whose job another one took over, changes nothing any more. Workers show that
// they live; the jobs of one that does not are taken over within a minute.
package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

// Queue is a line of jobs with workers of its own, so that a slow kind of work never makes another one wait.
type Queue string

// The queues.
const (
	Events   Queue = "events"   // what follows from a change at once, such as a score's announcement
	Urgent   Queue = "urgent"   // mail that a person waits for: codes, links to sign in
	Mail     Queue = "mail"     // all other mail
	Webhooks Queue = "webhooks" // deliveries to other systems
	Upkeep   Queue = "upkeep"   // periodic work
)

// queues says how many jobs of a queue one process works on at once, unless told, how often it looks for new ones when it is idle,
// and how often it takes more when it is not. That mail which leaves fast is taken 80 at most in a second keeps a crowd of it from
// taking the processors of those who wait for an answer.
var queues = map[Queue]struct {
	workers    int
	look, rest time.Duration
}{
	Events:   {8, 250 * time.Millisecond, 20 * time.Millisecond},
	Urgent:   {4, 250 * time.Millisecond, 20 * time.Millisecond},
	Mail:     {8, 500 * time.Millisecond, 100 * time.Millisecond},
	Webhooks: {16, 500 * time.Millisecond, 50 * time.Millisecond},
	Upkeep:   {2, time.Second, 100 * time.Millisecond},
}

// Queues lists the queues.
func Queues() []Queue { return []Queue{Events, Urgent, Mail, Webhooks, Upkeep} }

// The priorities inside a queue; all jobs of a higher one come first.
const (
	First  = 1
	Normal = 2
	Late   = 3
	Last   = 4
)

const (
	defaultAttempts = 12
	maxAttempts     = 100
)

// Kind declares one kind of job.
type Kind struct {
	Name     string // "mail.send"
	Queue    Queue
	Priority int                             // Normal unless set
	Attempts int                             // before a job is dead; 12 unless set
	Timeout  time.Duration                   // of one attempt; must be set
	Pause    func(attempt int) time.Duration // after a failed attempt, from 1, before jitter; exponential (5 s, 10 s, ... 1 h) unless set

	// Work does the job. Its effect in the database belongs into Attempt.Finish. An error is tried again, but for one of Dead.
	Work func(ctx context.Context, a *Attempt) error
	// Died runs, if set, in the transaction that makes a job dead.
	Died func(ctx context.Context, tx pgx.Tx, a *Attempt, cause error) error
}

// Job is one job to enqueue.
type Job struct {
	Kind       string
	EmployerID uuid.UUID // whose it is; zero: nobody's
	Args       any       // as JSON: ids and numbers, no secrets and no personal data
	At         time.Time // not before; zero is at once
	Priority   int       // the kind's unless set
	Unique     string    // while a job of the kind with the same text is queued, running or retrying, another one is left out
}

// Counters counts what becomes of jobs, for whoever watches the product. Kinds and states are few.
type Counters interface {
	JobMoved(kind string, to State)
}

type uncounted struct{}

func (uncounted) JobMoved(string, State) {}

// Options say what a Client stands on.
type Options struct {
	DB       *pg.DB
	Log      *slog.Logger
	Counters Counters // may be nil
	// AliveFor is how long a worker that shows no life is believed to live; 30 s unless set.
	AliveFor time.Duration
}

// Client enqueues and works jobs. Declare every kind with Handle before the first job is enqueued.
type Client struct {
	opt      Options
	mu       sync.Mutex
	kinds    map[string]*Kind
	periodic []Periodic
}

// New makes a client; nothing of it talks to the database yet.
func New(o Options) *Client {
	if o.Counters == nil {
		o.Counters = uncounted{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.AliveFor == 0 {
		o.AliveFor = 30 * time.Second
	}
	return &Client{opt: o, kinds: map[string]*Kind{}}
}

// Handle declares a kind of job. Mistakes panic: they are seen at boot and in every test.
func (c *Client) Handle(k Kind) {
	if k.Priority == 0 {
		k.Priority = Normal
	}
	if k.Attempts == 0 {
		k.Attempts = defaultAttempts
	}
	if k.Pause == nil {
		k.Pause = exponential
	}
	if _, known := queues[k.Queue]; !known || k.Name == "" || k.Timeout <= 0 || k.Timeout > maxTimeout || k.Work == nil ||
		k.Attempts < 1 || k.Attempts > maxAttempts || k.Priority < First || k.Priority > Last {
		panic(fmt.Sprintf("jobs: the kind %q is not well declared", k.Name))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds[k.Name] != nil {
		panic(fmt.Sprintf("jobs: the kind %q is declared twice", k.Name))
	}
	c.kinds[k.Name] = &k
}

// Periodic is a job that comes again and again, on one instance of all.
type Periodic struct {
	Kind  string
	Every time.Duration // a minute at least
}

// Repeat has a job of the kind, without arguments, enqueued once in each stretch of time p.Every, by whichever instance leads.
func (c *Client) Repeat(p Periodic) {
	if p.Every < time.Minute {
		panic(fmt.Sprintf("jobs: %s repeats too often", p.Kind))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.periodic = append(c.periodic, p)
}

func exponential(attempt int) time.Duration {
	return min(5*time.Second<<min(attempt-1, 20), time.Hour)
}

// Jittered spreads a pause by a tenth either way, so that what failed together does not come back together.
func Jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}

// One row for each job; which of two jobs with one unique key comes first, the index decides.
const sqlEnqueue = `
SELECT river.enqueue(j.kind, j.queue, j.priority, j.max_attempts, j.args, j.metadata, j.run_at, j.unique_key)
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::jsonb[], $6::jsonb[], $7::timestamptz[], $8::bytea[])
     AS j (kind, queue, priority, max_attempts, args, metadata, run_at, unique_key)`

// EnqueueTx enqueues jobs in tx: they are there if and only if it commits.
func (c *Client) EnqueueTx(ctx context.Context, tx pgx.Tx, jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	args, err := c.columns(jobs)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlEnqueue, args...); err != nil {
		return fmt.Errorf("enqueue %s: %w", jobs[0].Kind, err)
	}
	return nil
}

// Queue adds the enqueuing to a batch that is one transaction, for a use case that counts its round trips.
func (c *Client) Queue(b *pgx.Batch, jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	args, err := c.columns(jobs)
	if err != nil {
		return err
	}
	b.Queue(sqlEnqueue, args...)
	return nil
}

// Arguments gives the eight arguments of the function river.enqueue for one job, in order: for a statement of a module that
// enqueues only under a condition of its own.
func (c *Client) Arguments(j Job) ([]any, error) {
	r, err := c.row(j)
	if err != nil {
		return nil, err
	}
	return []any{r.kind, r.queue, r.priority, r.attempts, r.args, r.metadata, r.at, r.unique}, nil
}

func (c *Client) columns(jobs []Job) ([]any, error) {
	n := len(jobs)
	kinds, lines, priorities, attempts := make([]string, n), make([]string, n), make([]int, n), make([]int, n)
	args, metadata := make([]json.RawMessage, n), make([]json.RawMessage, n)
	at, unique := make([]*time.Time, n), make([][]byte, n)
	for i, j := range jobs {
		r, err := c.row(j)
		if err != nil {
			return nil, err
		}
		kinds[i], lines[i], priorities[i], attempts[i] = r.kind, r.queue, r.priority, r.attempts
		args[i], metadata[i], at[i], unique[i] = r.args, r.metadata, r.at, r.unique
	}
	return []any{kinds, lines, priorities, attempts, args, metadata, at, unique}, nil
}

type row struct {
	kind, queue        string
	priority, attempts int
	args, metadata     json.RawMessage
	at                 *time.Time
	unique             []byte
}

// about is what a job's metadata say beside its arguments.
type about struct {
	EmployerID string `json:"employerId,omitempty"`
	Exhausted  bool   `json:"exhausted,omitempty"` // its worker died in the last attempt it had
	Snoozes    int    `json:"snoozes,omitempty"`   // in a row, up to now
}

func (c *Client) row(j Job) (row, error) {
	k, err := c.kind(j.Kind)
	if err != nil {
		return row{}, err
	}
	r := row{kind: k.Name, queue: string(k.Queue), priority: k.Priority, attempts: k.Attempts, args: json.RawMessage("{}")}
	if j.Priority != 0 {
		r.priority = j.Priority
	}
	if j.Args != nil {
		if r.args, err = json.Marshal(j.Args); err != nil {
			return row{}, fmt.Errorf("enqueue %s: %w", j.Kind, err)
		}
	}
	var m about
	if j.EmployerID != uuid.Nil {
		m.EmployerID = j.EmployerID.String()
	}
	if r.metadata, err = json.Marshal(m); err != nil {
		return row{}, fmt.Errorf("enqueue %s: %w", j.Kind, err)
	}
	if !j.At.IsZero() {
		r.at = &j.At
	}
	if j.Unique != "" {
		sum := sha256.Sum256([]byte(j.Kind + "\x00" + j.Unique))
		r.unique = sum[:]
	}
	return r, nil
}

func (c *Client) kind(name string) (*Kind, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kinds[name]
	if k == nil {
		return nil, fmt.Errorf("there is no kind of job %q", name)
	}
	return k, nil
}

// ID is a job's number as a UUID, as the API names it: version 8 (RFC 9562), whose last 62 bits are the number.
func ID(number int64) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], uint64(number))
	id[6] = 0x80
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// Number is the number of a job by its id; 0, which no job has, for an id that ID does not make.
func Number(id uuid.UUID) int64 {
	n := int64(binary.BigEndian.Uint64(id[8:]) &^ (3 << 62))
	if ID(n) != id {
		return 0
	}
	return n
}
