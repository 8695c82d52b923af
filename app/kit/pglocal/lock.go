package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const pollEvery = 25 * time.Millisecond

// Lock takes an advisory file lock, waiting for it until the context ends. The kernel gives it back even for a killed
// process.
func Lock(ctx context.Context, path string) (release func(), err error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	for {
		got, err := flock(file, syscall.LOCK_EX)
		if err == nil && got {
			return func() { _ = file.Close() }, nil // closing releases; nothing was written
		}
		if err == nil {
			err = pause(ctx, pollEvery)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
	}
}

func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock %s: %w", path, err)
	}
	return file, nil
}

// flock tries once.
func flock(file *os.File, how int) (bool, error) {
	err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return true, nil
}

// pause waits for what tells nobody when it happens: another process's file or lock.
func pause(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(span):
		return nil
	}
}
