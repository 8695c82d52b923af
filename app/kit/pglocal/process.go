package pglocal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// ProcessArgs is a running process's command line. Process numbers are used again, so a number from a file proves
// nothing before its command line is seen to be ours.
func ProcessArgs(ctx context.Context, pid int) (string, error) {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " "), nil
	} else if _, errProc := os.Stat("/proc/self/cmdline"); errProc == nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	return strings.TrimSpace(string(out)), nil
}
