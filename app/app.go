// Package app builds the program from its modules and runs it; the command line and the tests use the same New.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/module"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/configs"
	"credlane/modules/activity"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/invites"
	"credlane/modules/submissions"
)

// Options are what a test may replace.
type Options struct {
	Version string
	Log     *slog.Logger
	Clock   clock.Clock     // the system's unless set
	IDs     *ids.Source     // on the system's randomness unless set
	Ready   bool            // for a crowd: half of the database's connections are kept open
	Tracer  pgx.QueryTracer // none unless set
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.IDs == nil {
		o.IDs = ids.New(o.Clock)
	}
	return o
}

// App is the built program.
type App struct {
	cfg         configs.Config
	options     Options
	version     string
	log         *slog.Logger
	db          *pg.DB
	server      *server
	jobs        *jobs.Client
	mail        *mail.Mailer
	plan        jobs.Plan // of the background work
	runners     []module.Runner
	accounts    *auth.Module
	assessments *assessments.Module
	invites     *invites.Module
	submissions *submissions.Module
	activity    *activity.Module
}

// New builds the program on a migrated database. cfg names the database and the secret key.
func New(ctx context.Context, cfg configs.Config, o Options) (*App, error) {
	o = o.withDefaults()
	pool := pg.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: int32(cfg.DatabaseMaxConns), Pooler: cfg.DatabasePooler, Tracer: o.Tracer}
	if o.Ready {
		pool.MinConns = pool.MaxConns / 2
	}
	db, err := pg.Open(ctx, pool)
	if err != nil {
		return nil, err
	}
	a, err := build(cfg, o, db)
	if err != nil {
		db.Close()
		return nil, err
	}
	return a, nil
}

// build wires the modules on db; nothing of it talks to the database yet, so that routes and the document can be had
// without one.
func build(cfg configs.Config, o Options, db *pg.DB) (*App, error) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public url: %w", err)
	}
	a := &App{cfg: cfg, options: o, version: o.Version, log: o.Log, db: db}
	if err := a.wire(o, public); err != nil {
		return nil, err
	}
	return a, nil
}

// Handler is the whole program as a handler, for tests.
func (a *App) Handler() http.Handler { return a.server.Handler() }

// Close gives the connections back.
func (a *App) Close() {
	a.activity.EndStreams()
	a.mail.Close()
	a.db.Close()
}

// Route is one line of `credlane routes`.
type Route struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Who    string `json:"who"`
	Page   bool   `json:"page,omitempty"` // for people: it answers HTML
}

// Routes lists every route with who may call it, by path and method.
func Routes() ([]Route, error) {
	a, err := described()
	if err != nil {
		return nil, err
	}
	return a.Routes(), nil
}

// Routes lists every route with who may call it, by path and method.
func (a *App) Routes() []Route {
	var list []Route
	for _, r := range a.server.host.Routes() {
		list = append(list, Route{Method: r.Method, Path: r.Path, Who: r.Who(), Page: r.Page})
	}
	slices.SortFunc(list, func(x, y Route) int {
		if x.Path != y.Path {
			return cmp.Compare(x.Path, y.Path)
		}
		return cmp.Compare(x.Method, y.Method)
	})
	return list
}

// OpenAPI is the document of the REST API, as /api/v1/openapi.json serves it.
func OpenAPI() ([]byte, error) {
	a, err := described()
	if err != nil {
		return nil, err
	}
	return a.server.host.OpenAPI()
}

// described is the program without a database: it can say what it is, and nothing else.
func described() (*App, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	cfg, err := configs.Load(map[string]string{"CREDLANE_SECRET_KEY": configs.EncodeKey(key)})
	if err != nil {
		return nil, err
	}
	return build(cfg, Options{}.withDefaults(), &pg.DB{})
}

// rate words a configured rate for the limiter.
func rate(r configs.Rate) rest.Rate { return rest.Rate{Count: r.Count, Per: r.Per} }
