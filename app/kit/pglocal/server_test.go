package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestANewDatabaseIsRightAndKeepsItsDataOverARestart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := mustStart(t, dir)
	for sql, want := range map[string]string{
		`SHOW server_encoding`:    "UTF8",
		`SHOW lc_collate`:         "C.UTF-8",
		`SHOW fsync`:              "on",
		`SHOW synchronous_commit`: "on",
		`SHOW full_page_writes`:   "on",
		`SHOW data_checksums`:     "on",
		`SHOW listen_addresses`:   "",
		`SELECT current_user || ' ' || rolsuper FROM pg_roles WHERE rolname = current_user`: "credlane false",
	} {
		if got := ask[string](t, s.URL(), sql); got != want {
			t.Errorf("%s gives %q, want %q", sql, got, want)
		}
	}
	run(t, s.URL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	mustStop(t, s)
	mustNotRun(t, dir)
	if got := ask[int](t, mustStart(t, dir).URL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("after the restart the table holds %d", got)
	}
}

func TestAKilledServerIsNoticedAndRecovered(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := mustStart(t, dir)
	run(t, s.URL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	if err := syscall.Kill(serverPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Lost():
	case <-t.Context().Done():
	}
	mustStop(t, s)
	if got := ask[int](t, mustStart(t, dir).URL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("after the crash the table holds %d", got)
	}
}

func TestTheServerOfAKilledProcessIsAdoptedAndStopped(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, url, _ := startHelper(t, dir, os.Args[0], nil)
	run(t, url, `CREATE TABLE kept AS SELECT 42 AS n`)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	before := serverPID(t, dir)
	s := mustStart(t, dir)
	if after := serverPID(t, dir); after != before || before == 0 {
		t.Errorf("the server was process %d and is %d", before, after)
	}
	if got := ask[int](t, s.URL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("the adopted database holds %d", got)
	}
	mustStop(t, s)
	mustNotRun(t, dir)
}

func TestTheLastOfTwoProcessesStopsTheServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, url, in := startHelper(t, dir, os.Args[0], nil)
	s := mustStart(t, dir)
	if s.URL() != url {
		t.Errorf("the second process connects to %s, the first to %s", s.URL(), url)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := ask[int](t, s.URL(), `SELECT 1`); got != 1 {
		t.Error("the first one to stop took the server with it")
	}
	mustStop(t, s)
	mustNotRun(t, dir)
}

func TestAProcessNumberUsedAgainDoesNotBlockTheStart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := mustStart(t, dir)
	run(t, s.URL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	pidFile := home{dir}.pidFile()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	mustStop(t, s)
	// A stranger of the same user, which is the case in which Postgres itself gives up.
	stranger := s.account.Command(t.Context(), "/", "/bin/sleep", "600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s", stranger.Process.Pid, rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.account.Own(pidFile); err != nil {
		t.Fatal(err)
	}
	if got := ask[int](t, mustStart(t, dir).URL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("the table holds %d", got)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger was hurt: %v", err)
	}
}

func TestAServerThatLostItsSocketIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, _, _ := startHelper(t, dir, os.Args[0], nil)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil {
		t.Fatal(err)
	}
	before := serverPID(t, dir)
	s := mustStart(t, dir)
	if got := ask[int](t, s.URL(), `SELECT 1`); got != 1 || serverPID(t, dir) == before {
		t.Error("the server without a socket was kept")
	}
}

func TestADeepDirectoryStillHasAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("deep/", 30), "data, here")
	s := mustStart(t, dir)
	if got := ask[int](t, s.URL(), `SELECT 1`); got != 1 {
		t.Errorf("got %d", got)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.socketDir) }) // outside of the data directory; runs after Stop or not at all
}

func TestNobodyElseOpensTheSocket(t *testing.T) {
	t.Parallel()
	s := mustStart(t, dataDir(t))
	info, err := os.Stat(s.socketDir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 || ownerOf(info) != s.account.UID {
		t.Errorf("the socket's directory has mode %v and belongs to %d", info.Mode(), ownerOf(info))
	}
	hba, err := os.ReadFile(filepath.Join(s.home.cluster(), "pg_hba.conf"))
	if err != nil || strings.Contains(string(hba), "trust") {
		t.Errorf("error %v, rules:\n%s", err, hba)
	}
}

func TestAnOrdinaryUserRunsIt(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var attr *syscall.SysProcAttr
	program := os.Args[0]
	if os.Geteuid() == 0 {
		nobody := Account{UID: 65534, GID: 65534, Name: "nobody"}
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		// The test binary lies where only root gets to.
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		program = filepath.Join(filepath.Dir(dir), "helper")
		if err := os.WriteFile(program, text, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := nobody.PrivateDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	cmd, _, in := startHelper(t, dir, program, attr)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	// Root may start what an ordinary user made, and the user again after root.
	mustStop(t, mustStart(t, dir))
	cmd, url, in := startHelper(t, dir, program, attr)
	if got := ask[string](t, url, `SELECT current_user`); got != "credlane" {
		t.Errorf("root connects as %s", got)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	mustNotRun(t, dir)
}

func TestAStartThatIsCutOffLeavesNothingRunningAndNothingInTheWay(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for _, span := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), span)
		s, err := Start(ctx, Options{DataDir: dir})
		cancel()
		if err == nil {
			mustStop(t, s)
		}
		mustNotRun(t, dir)
		if left, err := filepath.Glob(dir + "/" + newPrefix + "*"); err != nil || len(left) > 0 {
			t.Errorf("after %v there is %v, error %v", span, left, err)
		}
	}
	mustStart(t, dir)
}

func TestAnInitdbKilledWithItsOwnerIsSweptAway(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, newPrefix+"123")
	if err := os.MkdirAll(filepath.Join(half, "base"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	mustStart(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-made database is still there: %v", err)
	}
}

func TestManyStartsAtOnceShareOneServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	urls := make(chan string)
	for range 4 {
		go func() {
			s, err := Start(t.Context(), Options{DataDir: dir})
			if err != nil {
				urls <- err.Error()
				return
			}
			urls <- s.URL()
			mustStop(t, s)
		}()
	}
	first := <-urls
	for range 3 {
		if next := <-urls; next != first {
			t.Errorf("one start gave %s, another %s", first, next)
		}
	}
	s := mustStart(t, dir)
	mustStop(t, s)
	mustNotRun(t, dir)
}

func TestNoBinariesSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := home{t.TempDir()}.choose([]Binaries{{Major: 12}}, 0)
	if err == nil || !strings.Contains(err.Error(), "make tools") {
		t.Errorf("an old Postgres gives: %v", err)
	}
	if !strings.Contains(ErrNoBinaries.Error(), "make tools") {
		t.Errorf("no Postgres gives: %v", ErrNoBinaries)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Error(err)
	}
}
