// Package activity tells the members of an employer what happened, in words: as a list, and live while they look.
//
// It keeps nothing of its own. What happened is the audit trail; names belong to other modules, which lend them.
package activity

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// Deps is what the module needs.
type Deps struct {
	DB    *pg.DB
	Clock clock.Clock
	Log   *slog.Logger
	Names Names

	// Bounds of what listens; 0 takes the defaults.
	MaxListeners int           // of this instance: 500
	MaxOfOne     int           // of one employer: 50
	MaxBehind    int           // batches that wait for one: 16; who is further behind is dropped and may come again
	PollEvery    time.Duration // 1 s
}

// Names lends what things and people are called. What is gone is not in an answer.
type Names interface {
	Members(ctx context.Context, employer uuid.UUID, users, keys []uuid.UUID) (map[uuid.UUID]string, error)
	Assessments(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]string, error)
	Submissions(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Submission, error)
	Invites(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Invite, error)
}

// Submission is what the feed says of one.
type Submission struct {
	AssessmentID uuid.UUID
	Name         string
	Score        *exact.Score // nil while it is under way
}

// Invite is what the feed says of one.
type Invite struct {
	AssessmentID uuid.UUID
	Name         string // of the person; the address when nobody gave a name
}

// Item is one thing that happened.
type Item struct {
	ID           uuid.UUID // of the event; the latest one of several told as one
	At           time.Time
	Action       string
	ActorKind    string // member, api_key, candidate, job or operator
	ActorID      *uuid.UUID
	Who          string // "" for what happened by itself
	What         string // what follows the name: "scored 78%", "invited 35 people"
	AssessmentID *uuid.UUID
	Assessment   string // "" for what is about none, or one that is gone
	SubmissionID *uuid.UUID
	Score        *exact.Score
	Count        int // how many it was: of invites sent at once, 1 otherwise
}

// Text is the whole sentence.
func (i Item) Text() string {
	if i.Who == "" {
		return i.What
	}
	return i.Who + " " + i.What
}

// Module is the feed of all employers: its methods are the use cases.
type Module struct {
	Deps
	hub *hub
}

// New makes the module.
func New(d Deps) *Module {
	m := &Module{Deps: d}
	m.hub = newHub(m)
	return m
}

// Name is the module's name.
func (*Module) Name() string { return "activity" }

// ErrTooManyListeners is when as many listen as may.
var ErrTooManyListeners = fault.New(fault.Unavailable, "too_many_listeners",
	"Too many pages are listening to the live feed. Close some, or reload this page to see what is new.").RetryIn(30 * time.Second)
