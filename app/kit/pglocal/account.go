package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Account is the operating system's user that runs the server. Postgres refuses to run as root.
type Account struct {
	UID, GID int
	Name     string
}

// ServerAccount is the caller itself, or for root an unprivileged user: postgres where the distribution made one,
// else nobody.
func ServerAccount() (Account, error) {
	if os.Geteuid() != 0 {
		return Account{UID: os.Geteuid(), GID: os.Getegid(), Name: accountName(os.Geteuid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(found.Uid)
		gid, errGID := strconv.Atoi(found.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return Account{UID: uid, GID: gid, Name: name}, nil
		}
	}
	return Account{}, errors.New("this machine has neither a user postgres nor a user nobody, and Postgres does not run as root; start the program as an ordinary user")
}

// accountByUID is the owner of an existing cluster.
func accountByUID(uid int) (Account, error) {
	if uid <= 0 {
		return Account{}, errors.New("the database's directory belongs to root, as whom Postgres does not run; give it to an unprivileged user with chown -R")
	}
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return Account{}, fmt.Errorf("find the user that the database belongs to: %w", err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return Account{}, fmt.Errorf("find the group that the database belongs to: %w", err)
	}
	return Account{UID: uid, GID: gid, Name: found.Username}, nil
}

func accountName(uid int) string {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid) // a container often runs as a number without a name
	}
	return found.Username
}

// Command prepares a program that runs as the account, in a session of its own: the terminal's Ctrl-C must reach the
// database only through us. The environment carries no PG* variable, because each of those silently changes what the
// Postgres programs do.
func (a Account) Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID)}
	}
	return cmd
}

// Own gives a path to the account; it does nothing unless the caller is root.
func (a Account) Own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := os.Chown(path, a.UID, a.GID); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, a.Name, err)
	}
	return nil
}

func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "LC_") || strings.HasPrefix(entry, "LANG") ||
			strings.HasPrefix(entry, "CREDLANE_") // the server needs none of our secrets
	})
}

// CanReach says which directory on the way to path keeps the account out. Parents that do not exist yet are passed
// over: whoever makes them answers for them.
func (a Account) CanReach(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find the full path: %w", err)
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && !a.mayEnter(info) {
			return fmt.Errorf("the user %s, which runs Postgres, may not enter %s", a.Name, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a Account) mayEnter(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case a.UID == 0 || !ok:
		return true
	case int(stat.Uid) == a.UID:
		return info.Mode()&0o100 != 0
	case int(stat.Gid) == a.GID && info.Mode()&0o010 != 0:
		return true
	case a.UID == os.Geteuid(): // our further groups may let us in
		return info.Mode()&0o011 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// PrivateDir makes a directory that only the account enters, or checks that an existing one is such: in a shared
// place somebody else may have put it there first.
func (a Account) PrivateDir(path string) error {
	if err := os.Mkdir(path, 0o700); err == nil {
		return a.Own(path)
	} else if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the directory %s: %w", path, err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at the directory %s: %w", path, err)
	}
	if uid := ownerOf(info); uid == os.Geteuid() && uid != a.UID { // we were killed between making and giving it
		if err := a.Own(path); err != nil {
			return err
		}
	} else if uid != a.UID {
		return fmt.Errorf("%s does not belong to the user %s; remove it", path, a.Name)
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a private directory of the user %s; remove it", path, a.Name)
	}
	return nil
}

// ownerOf is the owner's number, or -1 where the system has none.
func ownerOf(info os.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
