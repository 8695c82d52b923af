package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Upgrade moves the database to the newest Postgres installed, with its own pg_upgrade. Both versions must be
// installed and nobody may use the database. It copies: the old cluster is kept beside the new one, and kept is its
// directory. Errors wrap ErrOtherMajor where a version is missing.
func Upgrade(ctx context.Context, o Options) (kept string, err error) {
	installed, err := FindBinaries(ctx)
	if err != nil {
		return "", err
	}
	newest := installed[0]
	for _, pg := range installed {
		if pg.Major > newest.Major {
			newest = pg
		}
	}
	h, err := openHome(o.DataDir)
	if err != nil {
		return "", err
	}
	major, err := h.clusterMajor()
	switch {
	case err != nil:
		return "", err
	case major == 0:
		return "", fmt.Errorf("there is no database in %s yet", h.dir)
	case major == newest.Major:
		return "", fmt.Errorf("the database already is of Postgres %d, the newest one installed; install a newer one first", major)
	}
	old, err := h.choose(installed, major)
	if err != nil {
		return "", err
	}
	return h.upgrade(ctx, old, newest)
}

func (h home) upgrade(ctx context.Context, old, next Binaries) (kept string, err error) {
	release, err := h.lockStart(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	alone, err := h.lease(syscall.LOCK_EX)
	if err != nil {
		return "", fmt.Errorf("%w; stop it first", err)
	}
	defer func() { err = errors.Join(err, alone.Close()) }()
	if _, running, err := h.running(ctx); err != nil || running {
		return "", errors.Join(err, fmt.Errorf("the server of a killed process still runs in %s; start and stop the program once, then upgrade", h.cluster()))
	}
	account, err := h.accountFor(old.Major)
	if err != nil {
		return "", err
	}
	fresh, err := h.initialise(ctx, next, account, newPrefix)
	if err != nil {
		return "", err
	}
	if err := h.transfer(ctx, old, next, account, fresh); err != nil {
		return "", errors.Join(err, os.RemoveAll(fresh))
	}
	kept = filepath.Join(h.dir, keptPrefix+strconv.Itoa(next.Major)+"-"+time.Now().UTC().Format("20060102T150405"))
	if err := os.Rename(h.cluster(), kept); err != nil {
		return "", errors.Join(fmt.Errorf("put the old database aside: %w", err), os.RemoveAll(fresh))
	}
	// A crash here leaves no cluster in its place; clusterMajor sees the kept one and never makes an empty one instead.
	if err := os.Rename(fresh, h.cluster()); err != nil {
		return "", errors.Join(fmt.Errorf("name the upgraded database: %w", err), os.Rename(kept, h.cluster()))
	}
	return kept, syncDir(h.dir)
}

// transfer runs pg_upgrade, which starts both servers on a socket of its own. It wants a directory to write to.
func (h home) transfer(ctx context.Context, old, next Binaries, account Account, fresh string) error {
	for _, cluster := range []string{h.cluster(), fresh} {
		if err := h.allow(cluster, account); err != nil {
			return err
		}
	}
	sockets, err := h.socketDir(account)
	if err != nil {
		return err
	}
	work := filepath.Join(h.dir, "upgrade.log")
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("clear the last upgrade's log: %w", err)
	}
	if err := account.PrivateDir(work); err != nil {
		return err
	}
	cmd := account.Command(ctx, work, next.Path("pg_upgrade"), "--old-bindir", old.Dir, "--new-bindir", next.Dir,
		"--old-datadir", h.cluster(), "--new-datadir", fresh, "--username", superuser, "--socketdir", sockets)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("upgrade the database, which is unchanged; details are in %s: %w: %s", work, err, tail(out))
	}
	return nil
}
