package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperHome names a home in which the test binary, started again, leases the server and makes a database: only
// another process can be killed.
const helperHome = "PGTEST_HELPER_HOME"

func TestMain(m *testing.M) {
	if home := os.Getenv(helperHome); home != "" {
		if err := helper(home); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func helper(home string) error {
	ctx := context.Background()
	m, err := thisMachine(ctx)
	if err != nil {
		return err
	}
	m.home, m.idle = home, 2*time.Second
	s, err := m.connect(ctx)
	if err != nil {
		return err
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	name := fmt.Sprintf("test_%d_1", s.backend)
	if err := s.clone(ctx, name, "template0"); err != nil {
		return err
	}
	fmt.Println(s.url(superuser, name))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type process struct {
	*exec.Cmd
	url string
	in  io.Closer
}

func startHelper(t *testing.T, home string) process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperHome+"="+home)
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres://") {
		t.Errorf("the helper said %q, error %v", line, err)
	}
	return process{cmd, strings.TrimSpace(line), in}
}

func (p process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.Wait() // it was killed
}

// privateHome is a machine of the test's own, away from the one all tests share.
func privateHome(t *testing.T) machine {
	t.Helper()
	m, err := thisMachine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.home, err = os.MkdirTemp("/tmp", "credlane pgtest"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(m.home); err != nil {
			t.Error(err)
		}
	})
	if err := m.account.Own(m.home); err != nil {
		t.Fatal(err)
	}
	m.idle = 2 * time.Second
	return m
}

// waitGone waits until the server's directory is removed, which its supervisor does last.
func waitGone(t *testing.T, m machine) {
	t.Helper()
	for {
		runs, err := filepath.Glob(filepath.Join(m.home, "r*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) == 0 {
			return
		}
		if err := wait(t.Context()); err != nil {
			t.Fatalf("the idle server is still there: %v", err)
		}
	}
}

func TestKilledProcessesLeaveNeitherDatabasesNorAServer(t *testing.T) {
	t.Parallel()
	m := privateHome(t)
	first := startHelper(t, m.home)
	first.kill(t)
	second := startHelper(t, m.home)
	conn, err := pgx.Connect(t.Context(), second.url)
	if err != nil {
		t.Fatal(err)
	}
	var left int
	err = conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname LIKE 'test_%'`).Scan(&left)
	if err != nil || left != 1 {
		t.Errorf("%d databases are left, error %v; want the second process's alone", left, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	second.kill(t)
	waitGone(t, m)
	third := startHelper(t, m.home) // a new server after the idle one ended
	third.kill(t)
	waitGone(t, m)
}

func TestProcessesStartedTogetherShareOneServer(t *testing.T) {
	t.Parallel()
	m := privateHome(t)
	all := make(chan process)
	for range 4 {
		go func() { all <- startHelper(t, m.home) }()
	}
	var processes []process
	sockets := map[string]bool{}
	for range 4 {
		p := <-all
		_, query, _ := strings.Cut(p.url, "?")
		sockets[query] = true
		processes = append(processes, p)
	}
	for _, p := range processes {
		p.kill(t)
	}
	waitGone(t, m)
	if len(sockets) != 1 {
		t.Errorf("there are %d servers: %v", len(sockets), sockets)
	}
}

func TestTheServerStaysWhileItIsLeased(t *testing.T) {
	t.Parallel()
	m := privateHome(t)
	m.idle = time.Second
	s, err := m.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The supervisor looks once a second; the server counts the seconds here, so that nothing depends on our clock.
	if _, err := s.lease.Exec(t.Context(), `SELECT pg_sleep(3.5)`); err != nil {
		t.Errorf("the server ended under its lease: %v", err)
	}
	if err := s.lease.Close(t.Context()); err != nil {
		t.Error(err)
	}
	waitGone(t, m)
}

func TestATemplateThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := leased(t)
	bad := os.DirFS(t.TempDir())
	if _, err := s.template(t.Context(), bad); err == nil {
		t.Error("no migration at all was accepted")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "00001_bad.sql"), []byte("-- +goose Up\nCREATE TABEL x();\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := s.template(t.Context(), os.DirFS(dir))
	if err == nil || !strings.Contains(err.Error(), "TABEL") {
		t.Errorf("a broken migration gives %v", err)
	}
	var left bool
	err = s.admin(t.Context(), func(conn *pgx.Conn) error {
		return conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_database WHERE datname LIKE '%' || $1)`, name).Scan(&left)
	})
	if err != nil || left {
		t.Errorf("a half-migrated database is left: %v, error %v", left, err)
	}
}
