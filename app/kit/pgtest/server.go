package pgtest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"credlane/app/kit/pglocal"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	superuser  = "postgres"
	owner      = "credlane" // no superuser, as in production: a test sees what the program may not do
	leaseKey   = 0x637265646c616e65
	idleLimit  = time.Minute // without a lease, the server ends
	startLimit = 2 * time.Minute
	connLimit  = 10 * time.Second
	pollEvery  = 25 * time.Millisecond
	// A socket's path must fit sockaddr_un; 103 bytes is what the narrowest system takes.
	maxSocketPath = 103
)

// supervise runs the server and ends it when nobody has held the lease for a while. It is a shell and psql, not the
// test binary: `go test` deletes that one, and a killed test must not take the others' server with it.
//
//go:embed supervise.sh
var supervise string

// settings trade every durability for speed: the cluster is thrown away with its last user.
func settings() []string {
	return []string{
		"listen_addresses=", "port=" + strconv.Itoa(pglocal.Port), "unix_socket_permissions=0700", "max_connections=300",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"max_wal_size=1GB", "checkpoint_timeout=1h", "shared_buffers=128MB", "autovacuum=off", "jit=off",
		"timezone=UTC", "log_checkpoints=off", "log_min_messages=warning", "lc_messages=C",
	}
}

// server is the machine's shared throwaway Postgres as this process sees it: a directory, and the lease that keeps
// the server alive.
type server struct {
	socketDir string
	lease     *pgx.Conn
	backend   uint32 // the lease's process on the server: marks our databases
}

// url names a database of the server.
func (s *server) url(role, database string) string {
	return pglocal.SocketURL(s.socketDir, role, database)
}

// machine is what a shared server is made from.
type machine struct {
	home    string // holds the lock, the file "current" and one directory per server started
	idle    time.Duration
	account pglocal.Account
	pg      pglocal.Binaries
}

// thisMachine keeps the server in the temporary directory, under a name that carries what the server depends on: two
// versions of this package never share one.
func thisMachine(ctx context.Context) (machine, error) {
	installed, err := pglocal.FindBinaries(ctx)
	if err != nil {
		return machine{}, err
	}
	account, err := pglocal.ServerAccount()
	if err != nil {
		return machine{}, err
	}
	m := machine{idle: idleLimit, account: account, pg: installed[0]}
	sum := sha256.Sum256([]byte(m.pg.Dir + "\n" + supervise + "\n" + strings.Join(settings(), "\n")))
	name := fmt.Sprintf("credlane-pgtest-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:4]))
	m.home = filepath.Join(os.TempDir(), name)
	if account.CanReach(m.home) != nil || len(m.home)+len("/r0000000000/.s.PGSQL.5432") > maxSocketPath {
		m.home = filepath.Join("/tmp", name)
	}
	return m, account.PrivateDir(m.home)
}

// connect leases the running server, or starts one. Only one process of the machine starts at a time.
func (m machine) connect(ctx context.Context) (*server, error) {
	if s, err := m.leaseCurrent(ctx); err == nil {
		return s, nil
	}
	unlock, err := pglocal.Lock(ctx, filepath.Join(m.home, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := m.leaseCurrent(ctx)
	for err != nil && m.currentAlive() {
		// A server whose starter was killed is still coming up, or an idle one is going down.
		if errWait := wait(ctx); errWait != nil {
			return nil, fmt.Errorf("wait for the test server in %s: %w", m.home, errors.Join(errWait, err))
		}
		s, err = m.leaseCurrent(ctx)
	}
	if err == nil {
		return s, nil
	}
	return m.start(ctx)
}

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		return nil
	}
}

// leaseCurrent connects to the server that the file "current" names and takes a share of its lease. A server on its
// way out refuses the lease, because its supervisor holds it alone.
func (m machine) leaseCurrent(ctx context.Context) (*server, error) {
	name, err := os.ReadFile(filepath.Join(m.home, "current"))
	if err != nil {
		return nil, fmt.Errorf("find the running test server: %w", err)
	}
	s := &server{socketDir: filepath.Join(m.home, string(name))}
	ctx, cancel := context.WithTimeout(ctx, connLimit)
	defer cancel()
	s.lease, err = pgx.Connect(ctx, s.url(superuser, "postgres"))
	if err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	if err = s.ensureOwner(ctx); err != nil {
		return nil, errors.Join(err, s.lease.Close(ctx))
	}
	var leased bool
	err = s.lease.QueryRow(ctx, `SELECT pg_try_advisory_lock_shared($1)`, int64(leaseKey)).Scan(&leased)
	if err == nil && !leased {
		err = errors.New("the server is stopping")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lease the test server: %w", err), s.lease.Close(ctx))
	}
	s.backend = s.lease.PgConn().PID()
	return s, nil
}

// ensureOwner makes the tests' role. The starter may have been killed before it could, so everybody looks.
func (s *server) ensureOwner(ctx context.Context) error {
	_, err := s.lease.Exec(ctx, `CREATE ROLE `+owner+` LOGIN`)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "42710" || refused.Code == "23505") { // it exists; two at once
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the tests' role: %w", err)
	}
	return nil
}

// currentAlive says whether the current server's supervisor still runs.
func (m machine) currentAlive() bool {
	name, err := os.ReadFile(filepath.Join(m.home, "current"))
	return err == nil && alive(filepath.Join(m.home, string(name)))
}

// alive wants the directory in the process's command line, because process numbers are used again.
func alive(run string) bool {
	text, err := os.ReadFile(filepath.Join(run, "supervisor.pid"))
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return false
	}
	args, err := pglocal.ProcessArgs(context.Background(), pid)
	return err == nil && strings.Contains(args, run)
}

// start makes a new cluster and its supervisor. Directories of servers that are gone are removed on the way.
func (m machine) start(ctx context.Context) (*server, error) {
	old, err := filepath.Glob(filepath.Join(m.home, "r*"))
	if err != nil {
		return nil, fmt.Errorf("list old test servers: %w", err)
	}
	for _, run := range old {
		if !alive(run) {
			// What an initdb orphaned this instant still writes is removed by the next start.
			_ = os.RemoveAll(run)
		}
	}
	run, err := os.MkdirTemp(m.home, "r")
	if err != nil {
		return nil, fmt.Errorf("make a test server's directory: %w", err)
	}
	if err := m.account.Own(run); err != nil {
		return nil, err
	}
	init := m.account.Command(ctx, run, m.pg.Path("initdb"), "-D", filepath.Join(run, "data"), "-U", superuser,
		"-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "--no-sync", "--no-instructions")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the test cluster: %w\n%s", err, out)
	}
	if err := m.launch(ctx, run); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(m.home, "current"), []byte(filepath.Base(run)), 0o600); err != nil {
		return nil, fmt.Errorf("name the test server: %w", err)
	}
	for {
		s, err := m.leaseCurrent(ctx)
		if err == nil {
			return s, nil
		}
		if errWait := wait(ctx); errWait != nil || !alive(run) {
			said, errLog := os.ReadFile(filepath.Join(run, "log"))
			return nil, fmt.Errorf("start the test server: %w\n%s", errors.Join(err, errWait, errLog), said)
		}
	}
}

func (m machine) launch(ctx context.Context, run string) error {
	log, err := os.OpenFile(filepath.Join(run, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the test server's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own copy
	args := []string{"-c", supervise, "credlane-pgtest", run, m.pg.Dir, strconv.FormatInt(leaseKey, 10),
		strconv.Itoa(int(m.idle / time.Second))}
	for _, setting := range settings() {
		args = append(args, "-c", setting)
	}
	// The server outlives this process and this context. Its output goes to a file: `go test` waits for every holder
	// of its own pipes.
	cmd := m.account.Command(context.WithoutCancel(ctx), run, "/bin/sh", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the test server: %w", err)
	}
	pid := []byte(strconv.Itoa(cmd.Process.Pid))
	if err := os.WriteFile(filepath.Join(run, "supervisor.pid"), pid, 0o600); err != nil {
		return fmt.Errorf("note the test server's process: %w", err)
	}
	go func() { _ = cmd.Wait() }() // reaps it; how it ended is in its log
	return nil
}
