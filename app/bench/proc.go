package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the processor times in /proc; Linux gives it as 100 a second to every program.
const tick = 10 * time.Millisecond

// cpu is the processor time that a process has used so far and, when it is a parent, that of its ended children.
func cpu(pid int) (own, children time.Duration, parent int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, 0, err
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return 0, 0, 0, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	var n [5]int
	for i, at := range []int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.Atoi(fields[at]); err != nil {
			return 0, 0, 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return time.Duration(n[1]+n[2]) * tick, time.Duration(n[3]+n[4]) * tick, n[0], nil
}

// meterCPU runs fn, which does a number of operations, and gives the processor time of one: of Postgres, and of a server when
// there is one.
func (b *bench) meterCPU(server *process, fn func() (operations float64, err error)) (cost, error) {
	before, err := b.used(server)
	if err != nil {
		return cost{}, err
	}
	n, err := fn()
	if err != nil {
		return cost{}, err
	}
	after, err := b.used(server)
	return cost{after.postgres - before.postgres, after.server - before.server}.per(n), err
}

func (b *bench) used(server *process) (c cost, err error) {
	if server != nil {
		if c.server, _, _, err = cpu(server.cmd.Process.Pid); err != nil {
			return c, err
		}
	}
	postmaster, err := b.postmaster()
	if err != nil {
		return c, err
	}
	own, ended, _, err := cpu(postmaster)
	if err != nil {
		return c, err
	}
	c.postgres = own + ended
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return c, err
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return c, err
		}
		own, _, parent, err := cpu(pid)
		if err == nil && parent == postmaster { // one that has just ended counts among the postmaster's
			c.postgres += own
		}
	}
	return c, nil
}

func (b *bench) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(b.dir, "data", "postgres", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find the postmaster: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// memory is what the kernel says of the server's memory: VmRSS is resident now, VmHWM was the most so far.
func (b *bench) memory(field string) (bytes int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.server.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc has no %s", field)
}

// resetPeak makes VmHWM count from now.
func (b *bench) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", b.server.cmd.Process.Pid), []byte("5"), 0)
}

// facts are what one must know of the machine and the settings to read the figures.
func (b *bench) facts(ctx context.Context) ([]fact, error) {
	list := []fact{
		{"machine", fmt.Sprintf("%s, %d cores, %s of memory, Linux %s", firstAfter("/proc/cpuinfo", "model name"), runtime.NumCPU(),
			firstAfter("/proc/meminfo", "MemTotal"), fileText("/proc/sys/kernel/osrelease"))},
		{"load before", b.loadBefore + " (1, 5 and 15 minutes)"},
		{"generator", fmt.Sprintf("this process, on the same cores; %d connections closed loop, %d open loop", clients, openClients)},
		{"server", strings.TrimSpace(b.versionOf(ctx, b.credlane, "version")) + "; every default but " + strings.Join(raised, ", ") +
			" = " + raisedTo + ", because all load comes from one address" + strings.Join(append([]string{""}, b.settings...), ", and ")},
		{"pgbench", strings.TrimSpace(b.versionOf(ctx, b.pgbench, "--version")) + fmt.Sprintf(", prepared statements, %d clients", clients)},
		{"disk", b.dir + " on " + filesystem(b.dir)},
	}
	var settings []string
	var errs []error
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "data_checksums"} {
		var value string
		errs = append(errs, b.db.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value))
		settings = append(settings, name+"="+value)
	}
	return append(list, fact{"postgres", strings.Join(settings, " ")}), errors.Join(errs...)
}

func (b *bench) versionOf(ctx context.Context, program string, args ...string) string {
	if program == "" {
		return "not needed"
	}
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func fileText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// firstAfter is the value of the first line of a /proc file that begins with name.
func firstAfter(path, name string) string {
	for line := range strings.Lines(fileText(path)) {
		if strings.HasPrefix(line, name) {
			_, value, _ := strings.Cut(line, ":")
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// filesystem is the type of the file system that holds dir: the longest mount point above it.
func filesystem(dir string) string {
	best, kind := "", "unknown"
	for line := range strings.Lines(fileText("/proc/mounts")) {
		f := strings.Fields(line)
		if len(f) > 2 && len(f[1]) >= len(best) && (f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/")) {
			best, kind = f[1], f[2]
		}
	}
	return kind
}
