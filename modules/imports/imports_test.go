package imports_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
	"credlane/modules/imports"
)

// drafts is where the questions of a test go; a nil take reads them all.
type drafts struct {
	editable error
	take     func(ctx context.Context, questions iter.Seq2[imports.Question, error]) (int, error)
}

func (d *drafts) Editable(context.Context, uuid.UUID) error { return d.editable }

func (d *drafts) AppendTx(ctx context.Context, _ pgx.Tx, _, _ uuid.UUID, questions iter.Seq2[imports.Question, error]) (int, error) {
	if d.take != nil {
		return d.take(ctx, questions)
	}
	n := 0
	for _, err := range questions {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// tally counts outcomes.
type tally struct {
	sync.Mutex
	seen []string
}

func (c *tally) Import(outcome string) {
	c.Lock()
	defer c.Unlock()
	c.seen = append(c.seen, outcome)
}

type world struct {
	t          *testing.T
	db         pgtest.DB
	ctx        context.Context
	module     *imports.Module
	drafts     *drafts
	tally      *tally
	temp       string
	assessment uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t), drafts: &drafts{}, tally: &tally{}, temp: t.TempDir(), assessment: uuid.New()}
	employer, user := uuid.New(), uuid.New()
	db, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for _, sql := range []string{
		`INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'E', 'employer', now(), now())`,
		`INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at) VALUES ($2, $1, 'A', 'abcdefghijkl', now(), now())`,
	} {
		if _, err := w.db.Pool.Exec(t.Context(), strings.NewReplacer("$1", "'"+employer.String()+"'", "$2", "'"+w.assessment.String()+"'").Replace(sql)); err != nil {
			t.Fatal(err)
		}
	}
	w.ctx = authn.With(t.Context(), authn.Principal{Kind: authn.Member, UserID: user, EmployerID: employer, Role: authn.Recruiter})
	w.module = imports.New(imports.Deps{DB: db, Clock: clock.System{}, IDs: ids.New(clock.System{}), Questions: w.drafts, Counters: w.tally, TempDir: w.temp})
	return w
}

const bank = "question,a,b,answer\nq,x,y,a\nr,x,y,b\n"

func upload(content string) imports.Upload {
	return imports.Upload{File: rest.File{Name: "bank.csv", Size: int64(len(content)), SHA256: sha256.Sum256([]byte(content)), ReaderAt: strings.NewReader(content)}}
}

func (w *world) number(sql string) (n int) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(w.t.Context(), sql).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// nothing holds after whatever went wrong: no report, no file, no transaction, and the next import works.
func (w *world) nothing() {
	w.t.Helper()
	if n := w.number(`SELECT count(*) FROM imports`) + w.number(`SELECT count(*) FROM audit_events`); n != 0 {
		w.t.Errorf("%d rows were written", n)
	}
	// A connection that was cut off is closed behind the import's back: its transaction ends when the server has noticed.
	asked, stop := context.WithTimeout(w.t.Context(), time.Minute)
	defer stop()
	for w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`) != 0 {
		if asked.Err() != nil {
			w.t.Error("a transaction stays open")
			break
		}
	}
	left, err := os.ReadDir(w.temp)
	if err != nil || len(left) > 0 {
		w.t.Errorf("%v %v", left, err)
	}
	// A removed file that is still open takes its space all the same. Where there is no /proc, nothing is found.
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, fd := range open {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, w.temp) {
			w.t.Errorf("%s is still open", target)
		}
	}
	w.drafts.editable, w.drafts.take = nil, nil
	for range 3 { // as many as would be lost places among the readers
		if _, err := w.module.Import(w.ctx, w.assessment, upload(bank)); err != nil {
			w.t.Errorf("the next import: %v", err)
		}
	}
}

func TestAnImportThatTheDraftRefusesWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := fault.New(fault.Conflict, "assessment_archived", "An archived assessment does not change.")
	w.drafts.take = func(context.Context, iter.Seq2[imports.Question, error]) (int, error) { return 0, refused }
	if _, err := w.module.Import(w.ctx, w.assessment, upload(bank)); !errors.Is(err, refused) {
		t.Error(err)
	}
	w.drafts.editable = refused
	if _, err := w.module.Import(w.ctx, w.assessment, upload(bank)); !errors.Is(err, refused) {
		t.Error(err)
	}
	w.nothing()
}

func TestAnImportOfWhichARowWentMissingIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.drafts.take = func(context.Context, iter.Seq2[imports.Question, error]) (int, error) { return 1, nil }
	if out, err := w.module.Import(w.ctx, w.assessment, upload(bank)); err == nil {
		t.Errorf("%+v", out)
	}
	w.nothing()
}

func TestAnImportIsOverWhenItsSenderHasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, leave := context.WithCancel(w.ctx)
	w.drafts.take = func(ctx context.Context, _ iter.Seq2[imports.Question, error]) (int, error) {
		leave()
		return 2, nil
	}
	if out, err := w.module.Import(ctx, w.assessment, upload(bank)); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := w.module.Import(ctx, w.assessment, upload(bank)); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v %v", out, err)
	}
	if len(w.tally.seen) != 0 {
		t.Errorf("counted %v", w.tally.seen)
	}
	w.nothing()
}

func TestATransactionThatStartsAgainWritesTheSameQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tries [][]string
	w.drafts.take = func(_ context.Context, questions iter.Seq2[imports.Question, error]) (int, error) {
		var prompts []string
		for q, err := range questions {
			if err != nil {
				return 0, err
			}
			prompts = append(prompts, q.Prompt+q.Options[0].Text+fmt.Sprint(q.Options[0].Correct, q.Points))
		}
		if tries = append(tries, prompts); len(tries) == 1 {
			return 0, &pgconn.PgError{Code: "40001"}
		}
		return len(prompts), nil
	}
	out, err := w.module.Import(w.ctx, w.assessment, upload(bank))
	if err != nil || out.Status != 201 || len(tries) != 2 || fmt.Sprint(tries[0]) != fmt.Sprint(tries[1]) || fmt.Sprint(tries[0]) != "[qxtrue 1000 rxfalse 1000]" {
		t.Errorf("%v %v", tries, err)
	}
}

func TestEveryOutcomeIsCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dry := upload(bank)
	dry.DryRun = true
	for _, u := range []imports.Upload{upload(bank), dry, upload(bank + ",,,\nDone,,,\n"), upload(""), upload("x\ny\n")} {
		_, _ = w.module.Import(w.ctx, w.assessment, u) // the outcomes are what is judged
	}
	if want := "[done checked rejected unreadable unreadable]"; fmt.Sprint(w.tally.seen) != want {
		t.Errorf("%v, want %s", w.tally.seen, want)
	}
}

func TestAReportSurvivesWhateverTheCellsHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, cell := range []string{"\x00", "a\x00b", "\xff", "\ufffd\x00", "\x01", "\u2028", `"""`, "\u202e"} {
		for column := range 6 {
			record := []string{"q", "x", "y", "a", "easy", "one"}
			record[column] = cell
			alone := make([]string, 6)
			alone[column] = cell
			content := "question,a,b,answer,difficulty,tags\n" + strings.Join(record, ",") + "\n" + strings.Join(alone, ",") + "\n"
			_, err := w.module.Import(w.ctx, w.assessment, upload(content))
			f, ok := fault.As(err)
			if err != nil && (!ok || f.Kind != fault.Invalid) {
				t.Errorf("%q in column %d: %v", cell, column, err)
			}
			if ok && f.Code == imports.ErrRejected.Code {
				if r, err := w.module.Find(w.ctx, f.Extra["id"].(uuid.UUID)); err != nil || len(r.Errors) == 0 {
					t.Errorf("%+v %v", r, err)
				}
			}
		}
	}
}

func TestOnlySoManyFilesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	entered := make(chan struct{}, 8)
	slow := upload(bank)
	slow.File.ReaderAt = blocking{strings.NewReader(bank), entered, release}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			if _, err := w.module.Import(w.ctx, w.assessment, slow); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := w.module.Import(ctx, w.assessment, upload(bank)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third reader: %v", err)
	}
	close(release)
	readers.Wait()
}

// blocking is a file whose first byte waits.
type blocking struct {
	*strings.Reader
	entered chan<- struct{}
	release <-chan struct{}
}

func (b blocking) ReadAt(p []byte, at int64) (int, error) {
	select {
	case b.entered <- struct{}{}:
	default:
	}
	<-b.release
	return b.Reader.ReadAt(p, at)
}

var refuseCall = regexp.MustCompile(`refuse\("([a-z_]+)"`)

func TestEveryRefusalOfTheReadersIsDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, f := range imports.Refusals() {
		if documented[f.Code] || f.Kind != fault.Invalid || len(f.Message) < 20 {
			t.Errorf("%s stands twice, or is no refusal", f.Code)
		}
		documented[f.Code] = true
	}
	used := map[string]bool{"ambiguous_answer_base": true, "too_much_text": true}
	for _, pattern := range []string{"internal/sheet/*.go", "internal/rowcheck/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, name := range files {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, call := range refuseCall.FindAllSubmatch(source, -1) {
				used[string(call[1])] = true
			}
			if n := bytes.Count(source, []byte("refuse(")) - bytes.Count(source, []byte("func refuse(")); n != len(refuseCall.FindAll(source, -1)) {
				t.Errorf("%s: a refusal without a literal code", name)
			}
		}
	}
	for code := range used {
		if !documented[code] {
			t.Errorf("%s is not documented in refusals.go", code)
		}
	}
	for code := range documented {
		if !used[code] {
			t.Errorf("%s is documented, but nothing refuses so", code)
		}
	}
}
