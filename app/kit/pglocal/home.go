package pglocal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Port only names the socket; nothing listens on the network.
const Port = 5432

const (
	keyBytes = 32
	// A socket's path must fit sockaddr_un: 107 bytes on Linux, 103 on macOS.
	maxSocketPath = 103
)

// home is the data directory: the cluster, the secret key and the locks.
type home struct{ dir string }

func (h home) cluster() string   { return filepath.Join(h.dir, "postgres") }
func (h home) key() string       { return filepath.Join(h.dir, "secret.key") }
func (h home) startLock() string { return filepath.Join(h.dir, "start.lock") }
func (h home) usersLock() string { return filepath.Join(h.dir, "users.lock") }
func (h home) log() string       { return filepath.Join(h.dir, "postgres.log") }

// openHome makes the data directory where it is missing. Root's may be passed through, because the database's
// unprivileged user must get to its cluster; every file in it is private all the same.
func openHome(dir string) (home, error) {
	if dir == "" {
		return home{}, errors.New("no data directory is set; set CREDLANE_DATA_DIR")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, fmt.Errorf("find the data directory: %w", err)
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return home{}, fmt.Errorf("make the data directory; set CREDLANE_DATA_DIR to a place you may write to: %w", err)
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return home{}, fmt.Errorf("make the data directory; set CREDLANE_DATA_DIR to a place you may write to: %w", err)
	}
	// The process list shows the real path, and only by that is a running server recognised.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return home{}, fmt.Errorf("open the data directory: %w", err)
	}
	return home{dir}, nil
}

// give hands a file that root made in somebody's data directory to that somebody, who must be able to start without
// root the next time.
func (h home) give(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(h.dir)
	if err != nil {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	if err := os.Lchown(path, ownerOf(info), -1); err != nil {
		return fmt.Errorf("give %s to the data directory's owner: %w", path, err)
	}
	return nil
}

// socketDir is short, private and the same at each start: in the data directory where that fits.
func (h home) socketDir(account Account) (string, error) {
	dir := filepath.Join(h.dir, "run")
	// A comma separates directories for Postgres and hosts for its clients.
	if len(dir)+len("/.s.PGSQL.")+len(strconv.Itoa(Port)) > maxSocketPath || strings.ContainsAny(dir, `,"`) {
		sum := sha256.Sum256([]byte(h.dir))
		dir = fmt.Sprintf("/tmp/credlane-%d-%s", account.UID, hex.EncodeToString(sum[:4]))
	}
	return dir, account.PrivateDir(dir)
}

// SecretKey reads the 32-byte key of a data directory, or makes one that only its user can read. Of several processes
// that make it at once, all get the same.
func SecretKey(dataDir string) ([]byte, error) {
	h, err := openHome(dataDir)
	if err != nil {
		return nil, err
	}
	key, err := readKey(h.key())
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	file, err := os.CreateTemp(h.dir, "secret.new-") // private from the first moment
	if err != nil {
		return nil, fmt.Errorf("make the secret key: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // a second name of the key, or a key nobody uses
	fresh := make([]byte, keyBytes)
	rand.Read(fresh) // never fails: the program ends first
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(fresh) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("make the secret key: %w", err)
	}
	if err := h.give(file.Name()); err != nil {
		return nil, err
	}
	// A link fails where the name is taken: the first one wins, and no half-written key is ever seen.
	if err := os.Link(file.Name(), h.key()); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make the secret key: %w", err)
	}
	if err := syncDir(h.dir); err != nil {
		return nil, err
	}
	return readKey(h.key())
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read the secret key %s; run: chmod 600 '%s'", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("%s does not hold a secret key; restore it from a backup (a new key signs everyone out and cannot open what the old one sealed)", path)
	}
	return key, nil
}

// syncDir makes new names in a directory survive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("write %s to disk: %w", path, err)
	}
	return nil
}
