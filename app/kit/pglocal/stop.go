package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockStart lets one process at a time start or stop the database.
func (h home) lockStart(ctx context.Context) (release func(), err error) {
	if release, err = Lock(ctx, h.startLock()); err != nil {
		return nil, fmt.Errorf("another process is starting or stopping the database: %w", err)
	}
	if err := h.give(h.startLock()); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// errInUse says that other processes use the database.
var errInUse = errors.New("another process is using the database")

// lease marks the database as used (shared) or proves that nobody uses it (exclusive). The start lock must be held.
func (h home) lease(how int) (*os.File, error) {
	file, err := openLock(h.usersLock())
	if err != nil {
		return nil, err
	}
	got, err := flock(file, how)
	if err == nil && !got {
		err = errInUse
	}
	if err == nil {
		err = h.give(h.usersLock())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Stop ends the use of the database, and the database itself when no other process uses it: open transactions are
// rolled back, everything committed is written. If the context ends first, the server goes on stopping by itself.
// Further calls return the first one's result.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Do(func() {
		s.endWatch()
		release, err := s.home.lockStart(ctx)
		if err != nil {
			s.stopped = errors.Join(err, s.lease.Close())
			return
		}
		defer release()
		s.stopped = s.release(ctx)
	})
	return s.stopped
}

// release gives up the lease and stops the server when it was the last. The start lock must be held.
func (s *Server) release(ctx context.Context) error {
	if err := s.lease.Close(); err != nil {
		return fmt.Errorf("give up the database: %w", err)
	}
	alone, err := s.home.lease(syscall.LOCK_EX)
	if errors.Is(err, errInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(s.shutDown(ctx), alone.Close())
}

// shutDown stops the running server, and waits until its processes let go of the cluster.
func (s *Server) shutDown(ctx context.Context) error {
	for signalled := 0; ; {
		p, running, err := s.home.running(ctx)
		if err != nil {
			return err
		}
		// A server of ours that has not yet written its process file is waited for: it cannot be signalled by it.
		if !running && (s.child == nil || s.child.hasEnded()) {
			return nil
		}
		if running && signalled != p.pid {
			if err := s.signal(ctx, p); err != nil {
				return err
			}
			signalled = p.pid
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the database to stop, which it goes on doing: %w", err)
		}
	}
}

// signal asks the server for a fast shutdown, after a look whether it is ours.
func (s *Server) signal(ctx context.Context, p postmaster) error {
	if !s.home.ours(ctx, p) {
		return fmt.Errorf("the database in %s runs where this process cannot reach it, such as in another container; stop it there", s.home.cluster())
	}
	if err := syscall.Kill(p.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the database: %w", err)
	}
	return nil
}

// watch holds one idle connection, which breaks in the moment the server does.
func (s *Server) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if conn, err := s.connect(ctx); err == nil {
			_, _ = conn.WaitForNotification(ctx) // nobody notifies: it returns when the connection breaks
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectLimit)
			_ = conn.Close(closing) // broken already, or we are stopping
			cancel()
		} else if _, running, err := s.home.running(ctx); err == nil && !running && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "the database ended by itself", "log", s.home.log())
			close(s.lost)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second / 4):
		}
	}
}
