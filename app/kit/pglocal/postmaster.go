package pglocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what postmaster.pid says of the server.
type postmaster struct {
	pid       int
	socketDir string
	ready     bool
}

// readPostmaster finds no file, and no error, where none runs: pid is 0 then.
func (h home) readPostmaster() (postmaster, error) {
	text, err := os.ReadFile(h.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return postmaster{}, nil
	}
	if err != nil {
		return postmaster{}, fmt.Errorf("read the server's process file: %w", err)
	}
	// pid, directory, start, port, socket directory, listen address, shared memory, status
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return postmaster{}, nil // still being written, or rubbish: Postgres itself judges it at the start
	}
	p := postmaster{pid: pid}
	if len(lines) > 4 {
		p.socketDir = strings.TrimSpace(lines[4])
	}
	if len(lines) > 7 {
		p.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return p, nil
}

func (h home) pidFile() string { return filepath.Join(h.cluster(), "postmaster.pid") }

// answers says that a server listens on the socket. It holds across containers that share the directory, where
// process numbers mean nothing.
func (p postmaster) answers() bool {
	if p.socketDir == "" {
		return false
	}
	conn, err := net.DialTimeout("unix", filepath.Join(p.socketDir, ".s.PGSQL."+strconv.Itoa(Port)), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // it told us what we wanted
	return true
}

// ours says that the process is a Postgres of this cluster, and not some other one that got the number later.
func (h home) ours(ctx context.Context, p postmaster) bool {
	if p.pid == 0 {
		return false
	}
	args, err := ProcessArgs(ctx, p.pid)
	return err == nil && strings.Contains(args, "postgres") && strings.Contains(args, "-D "+h.cluster())
}

// running says whether a server holds the cluster.
func (h home) running(ctx context.Context) (postmaster, bool, error) {
	p, err := h.readPostmaster()
	if err != nil {
		return p, false, err
	}
	return p, p.answers() || h.ours(ctx, p), nil
}

// disown mends a postmaster.pid whose number now belongs to a stranger, at which Postgres refuses to start. The file
// stays, with a number no process can have: its shared memory key still keeps us from starting beside backends that
// outlived their postmaster.
func (h home) disown(p postmaster) error {
	if p.pid == 0 || errors.Is(syscall.Kill(p.pid, 0), syscall.ESRCH) {
		return nil
	}
	text, err := os.ReadFile(h.pidFile())
	if err != nil {
		return fmt.Errorf("read the server's process file: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	return appendTo(h.pidFile(), strconv.Itoa(impossiblePID)+"\n"+rest, os.O_TRUNC)
}

// impossiblePID is above every system's largest process number.
const impossiblePID = 1<<31 - 2
