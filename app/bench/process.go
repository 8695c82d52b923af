package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that the bench started and will stop.
type process struct {
	addr  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// startProcess runs a program in a process group of its own, so that a terminal's Ctrl-C reaches it through us alone.
func startProcess(ctx context.Context, log string, env []string, stdout io.Writer, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the program has its own copy
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, stdout, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p := &process{log: log, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(p.ended)
	}()
	return p, nil
}

// stop ends the program: at first kindly.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
		}
		select {
		case <-p.ended:
			return nil
		case <-time.After(15 * time.Second):
		}
	}
	return fmt.Errorf("stop %s: it does not end", p.cmd.Path)
}

// startBare runs this binary as the bare Echo handler with a body of size bytes.
func (b *bench) startBare(ctx context.Context, size int) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Close() }() // one line was all
	p, err := startProcess(ctx, filepath.Join(b.dir, "bare.log"), os.Environ(), write, self, "bare", "-size", strconv.Itoa(size))
	if err = errors.Join(err, write.Close()); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the bare handler said no address, see %s: %w", p.log, err), p.stop())
	}
	p.addr = strings.TrimSpace(line)
	b.started = append(b.started, p)
	return p, nil
}

// build compiles credlane unless a built one was named.
func (b *bench) build(ctx context.Context) error {
	if b.credlane != "" {
		return nil
	}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	program := filepath.Join(b.dir, "credlane")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./app/cmd/credlane")
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build credlane: %w: %s", err, out)
	}
	b.credlane = program
	return nil
}

// raised are the rate limits for the run: all load comes from one address. Everything else is as an operator gets it.
var raised = []string{"CREDLANE_RATE_START_ADDRESS", "CREDLANE_RATE_LOGIN_ADDRESS", "CREDLANE_RATE_LOGIN_ACCOUNT", "CREDLANE_RATE_REGISTER"}

const raisedTo = "1000000/15m"

// start runs a fresh server, after it has stopped the one before: memory is then that of what follows alone.
func (b *bench) start(ctx context.Context) error {
	if err := b.server.stop(); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	addr, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "CREDLANE_SECRET_KEY=" + b.secret}
	for _, name := range raised {
		env = append(env, name+"="+raisedTo)
	}
	env = append(env, b.settings...)
	b.server, err = startProcess(ctx, filepath.Join(b.dir, "credlane.log"), env, nil,
		b.credlane, "serve", "--addr", addr, "--database-url", b.pg.URL())
	if err != nil {
		return err
	}
	b.server.addr = addr
	return b.ready(ctx)
}

// ready waits until the server answers.
func (b *bench) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, _, err := b.api.call(ctx, b.server.addr, http.MethodGet, "/readyz", "", nil); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("credlane does not get ready: %w: %s", ctx.Err(), b.lastWords())
		case <-b.server.ended:
			return fmt.Errorf("credlane ended: %s", b.lastWords())
		case <-tick.C:
		}
	}
}

// lastWords is the end of the server's log.
func (b *bench) lastWords() string {
	text, err := os.ReadFile(b.server.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1500):])
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func newSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails: the program ends first
	return base64.StdEncoding.EncodeToString(key)
}
