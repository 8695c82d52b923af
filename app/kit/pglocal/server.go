package pglocal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	connectLimit = 5 * time.Second
	// Backends of a killed postmaster take a moment to notice; until then the next one may not start.
	orphanLimit = 30 * time.Second
	giveUpLimit = 10 * time.Second
	newPrefix   = "postgres.new-"
	keptPrefix  = "postgres.before-"
)

// Options say where the private database lives.
type Options struct {
	DataDir string // made when it is missing
	Log     *slog.Logger
}

// Server is the running private database. Several processes may use one; the last to stop stops it.
type Server struct {
	home      home
	pg        Binaries
	account   Account
	socketDir string
	log       *slog.Logger
	lease     *os.File // a shared lock on users.lock, which the kernel gives back even for a killed process
	child     *child
	lost      chan struct{}
	endWatch  context.CancelFunc
	stopping  sync.Once
	stopped   error
}

// Start brings up the private database in the data directory and returns when it takes connections: it makes the
// cluster when there is none, adopts a server that runs already, and recovers one that was killed. The context bounds
// the start alone; Stop ends the server. A cluster is never deleted and never made anew.
func Start(ctx context.Context, o Options) (*Server, error) {
	installed, err := FindBinaries(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, o, installed)
}

func start(ctx context.Context, o Options, installed []Binaries) (*Server, error) {
	h, err := openHome(o.DataDir)
	if err != nil {
		return nil, err
	}
	release, err := h.lockStart(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	s := &Server{home: h, log: o.Log, lost: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.lease, err = h.lease(syscall.LOCK_SH); err != nil {
		return nil, err
	}
	if err := s.open(ctx, installed); err != nil {
		// The start's context may be what ended; a server of ours must not outlive the failure.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpLimit)
		defer cancel()
		return nil, errors.Join(err, s.release(ending))
	}
	watching, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	s.endWatch = endWatch
	go s.watch(watching)
	return s, nil
}

func (s *Server) open(ctx context.Context, installed []Binaries) error {
	major, err := s.home.clusterMajor()
	if err != nil {
		return err
	}
	if s.pg, err = s.home.choose(installed, major); err != nil {
		return err
	}
	if s.account, err = s.home.accountFor(major); err != nil {
		return err
	}
	if err := s.account.CanReach(s.home.cluster()); err != nil {
		return fmt.Errorf("%w; set CREDLANE_DATA_DIR to a directory outside of it, such as /var/lib/credlane", err)
	}
	if major == 0 {
		s.log.InfoContext(ctx, "making the database", "dir", s.home.cluster(), "postgres", s.pg.Major)
		if err := s.home.create(ctx, s.pg, s.account); err != nil {
			return err
		}
	}
	if err := s.home.allow(s.home.cluster(), s.account); err != nil {
		return err
	}
	if s.socketDir, err = s.home.socketDir(s.account); err != nil {
		return err
	}
	if err := s.bringUp(ctx); err != nil {
		return err
	}
	return s.furnish(ctx)
}

// URL is how the program connects: as the owner of its database, not as a superuser.
func (s *Server) URL() string { return s.url(owner, owner) }

func (s *Server) url(role, database string) string { return SocketURL(s.socketDir, role, database) }

// SocketURL names a database behind a socket. A space is %20 in it, because Postgres's clients take a plus as a plus.
func SocketURL(dir, role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
	query := url.Values{"host": {dir}, "port": {strconv.Itoa(Port)}, "sslmode": {"disable"}}.Encode()
	u.RawQuery = strings.ReplaceAll(query, "+", "%20")
	return u.String()
}

// Lost is closed when the server ends without Stop: killed, or stopped by somebody else. The program cannot work on
// and should end, so that whatever keeps it running starts it again.
func (s *Server) Lost() <-chan struct{} { return s.lost }

// bringUp goes on until the server takes connections, whatever state the last one left behind.
func (s *Server) bringUp(ctx context.Context) error {
	began, crashed := time.Now(), false
	for said := began; ; {
		p, running, err := s.home.running(ctx)
		if err != nil {
			return err
		}
		crashed = crashed || !running && p.pid != 0 // a clean end removes its pid file
		switch {
		case running:
			err := s.join(ctx, p)
			if err == nil || errors.Is(err, errPermanent) {
				return err
			}
		case s.child == nil:
			if err := s.launch(ctx, p); err != nil {
				return err
			}
		case s.child.hasEnded():
			text, err := s.home.said()
			if err != nil {
				return fmt.Errorf("start the database: %w", err)
			}
			// The processes of a server that was killed hold its memory until they notice.
			// What it said of that may not have reached its log, so after a crash any end is tried again for a while.
			orphans := crashed || strings.Contains(string(text), "shared memory block") || strings.Contains(string(text), "already exists")
			if !orphans || time.Since(began) > orphanLimit {
				return fmt.Errorf("start the database: Postgres ended at once and said: %s", tail(text))
			}
			s.child = nil
		}
		if time.Since(said) > 10*time.Second {
			s.log.InfoContext(ctx, "the database is still starting: it may be recovering from a crash")
			said = time.Now()
		}
		if err := pause(ctx, min(max(pollEvery, time.Since(began)/8), time.Second)); err != nil {
			return fmt.Errorf("start the database: %w", err)
		}
	}
}

// errPermanent marks what waiting does not mend; errNoSocket what it does.
var (
	errPermanent = errors.New("the running database refuses us")
	errNoSocket  = errors.New("the running database has no socket")
)

// join tries the server that runs. One whose socket was removed serves nobody any more and is stopped, for the next
// round to start it again.
func (s *Server) join(ctx context.Context, p postmaster) error {
	if p.ready && p.socketDir != "" && !p.answers() {
		if _, err := os.Stat(p.socketDir + "/.s.PGSQL." + strconv.Itoa(Port)); errors.Is(err, os.ErrNotExist) {
			s.log.WarnContext(ctx, "the database lost its socket; starting it again", "socket", p.socketDir)
			return errors.Join(errNoSocket, s.signal(ctx, p))
		}
	}
	if p.socketDir != "" {
		s.socketDir = p.socketDir
	}
	conn, err := s.connect(ctx)
	if err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28") {
			return fmt.Errorf("%w: a server that another user started holds %s: %w", errPermanent, s.home.cluster(), err)
		}
		return err
	}
	return conn.Close(ctx)
}

func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url(superuser, "postgres"))
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return conn, nil
}

// launch starts the server. It is in a session of its own and writes to a file, so that it outlives our death; the
// next start adopts it.
func (s *Server) launch(ctx context.Context, last postmaster) error {
	if err := s.home.disown(last); err != nil {
		return err
	}
	out, err := os.OpenFile(s.home.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open the database's log: %w", err)
	}
	defer func() { _ = out.Close() }() // the server has its own copy
	if err := s.home.give(s.home.log()); err != nil {
		return err
	}
	cmd := s.account.Command(context.WithoutCancel(ctx), s.home.cluster(), s.pg.Path("postgres"), "-D", s.home.cluster(),
		"-c", "listen_addresses=", "-c", "port="+strconv.Itoa(Port),
		"-c", "unix_socket_directories="+s.socketDir, "-c", "unix_socket_permissions=0700")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the database: %w", err)
	}
	s.child = reap(cmd)
	return nil
}

// child is a server process that we started.
type child struct{ ended chan struct{} }

func reap(cmd *exec.Cmd) *child {
	c := &child{ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(c.ended)
	}()
	return c
}

func (c *child) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// furnish makes the program's role and database. A crash may have come between any two steps, so each is looked for.
func (s *Server) furnish(ctx context.Context) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, step := range []struct{ missing, make string }{
		{`SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, `CREATE ROLE ` + owner + ` LOGIN`},
		{`SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, `CREATE DATABASE ` + owner + ` OWNER ` + owner},
	} {
		var missing bool
		if err := conn.QueryRow(ctx, step.missing, owner).Scan(&missing); err != nil {
			return fmt.Errorf("furnish the database: %w", err)
		}
		if !missing {
			continue
		}
		if _, err := conn.Exec(ctx, step.make); err != nil {
			return fmt.Errorf("furnish the database: %w", err)
		}
	}
	return nil
}
