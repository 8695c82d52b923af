package pglocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	superuser = "postgres"
	owner     = "credlane" // the program's role, no superuser, and its database's name
	initLimit = 2 * time.Minute
	minMajor  = 15 // the schema's statements need it
)

// tuning is appended to a new cluster's postgresql.conf, where an operator may change it. It touches nothing that
// keeps a commit safe. Failed statements stay out of the log: they carry people's data, and the program logs its errors
// itself.
const tuning = `
# Written once by CredLane.
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_min_messages = log
log_error_verbosity = terse
log_checkpoints = off
`

// The kernel says who is at the other end of the socket; the map says which of them may be whom.
const hba = `# Written by CredLane.
local all all peer map=credlane
`

// Errors that need a person. Errors returned by Start and Upgrade wrap them.
var (
	ErrOtherMajor  = errors.New("the database was made by another major version of Postgres")
	ErrNotACluster = errors.New("there is something in the database's place that is no Postgres database")
	ErrInterrupted = errors.New("an upgrade of the database was interrupted")
)

// clusterMajor is the version that made the cluster, 0 when there is none yet.
func (h home) clusterMajor() (int, error) {
	text, err := os.ReadFile(filepath.Join(h.cluster(), "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0, fmt.Errorf("%w: %s/PG_VERSION says %q; move the directory away or restore it from a backup",
				ErrNotACluster, h.cluster(), strings.TrimSpace(string(text)))
		}
		return major, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("read the database's version; it belongs to another user, or set CREDLANE_DATA_DIR to another place: %w", err)
	}
	entries, err := os.ReadDir(h.cluster())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("look into %s: %w", h.cluster(), err)
	}
	if len(entries) > 0 {
		return 0, fmt.Errorf("%w: %s; move it away or restore it from a backup", ErrNotACluster, h.cluster())
	}
	kept, err := filepath.Glob(globEscape(h.dir) + "/" + keptPrefix + "*")
	if err != nil {
		return 0, fmt.Errorf("look for an interrupted upgrade: %w", err)
	}
	if len(kept) > 0 {
		return 0, fmt.Errorf("%w; put the old one back with: mv '%s' '%s'", ErrInterrupted, kept[len(kept)-1], h.cluster())
	}
	return 0, nil
}

// globEscape keeps brackets and stars in a directory's name from acting as a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// choose finds the programs for a cluster: of its own major version, or the preferred ones for a new cluster.
func (h home) choose(installed []Binaries, major int) (Binaries, error) {
	var have []string
	for _, pg := range installed {
		if pg.Major == major || major == 0 && pg.Major >= minMajor {
			return pg, nil
		}
		have = append(have, strconv.Itoa(pg.Major))
	}
	if major == 0 {
		return Binaries{}, fmt.Errorf("this machine has Postgres %[2]s, and %[1]d or newer is needed; run `make tools`, or install a newer one",
			minMajor, strings.Join(have, ", "))
	}
	return Binaries{}, fmt.Errorf("%w: %s needs Postgres %d, and this machine has %s; install Postgres %d again, and to move on to a newer one run `credlane db upgrade` while both are installed",
		ErrOtherMajor, h.cluster(), major, strings.Join(have, ", "), major)
}

// accountFor is the user who runs the server: whoever the existing cluster belongs to, since nobody else may.
func (h home) accountFor(major int) (Account, error) {
	if major == 0 || os.Geteuid() != 0 {
		return ServerAccount()
	}
	info, err := os.Stat(h.cluster())
	if err != nil {
		return Account{}, fmt.Errorf("look at the database's directory: %w", err)
	}
	return accountByUID(ownerOf(info))
}

// initialise makes a cluster under a temporary name and then names it, so that a crash half-way leaves nothing that
// looks like a database.
func (h home) initialise(ctx context.Context, pg Binaries, account Account, prefix string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, initLimit)
	defer cancel()
	dir, err := os.MkdirTemp(h.dir, prefix)
	if err != nil {
		return "", fmt.Errorf("make the database's directory: %w", err)
	}
	made := false
	defer func() {
		if !made {
			_ = os.RemoveAll(dir) // the error that brought us here says more
		}
	}()
	if err := account.Own(dir); err != nil {
		return "", err
	}
	initdb := account.Command(ctx, dir, pg.Path("initdb"), "-D", dir, "-U", superuser, "-E", "UTF8", "--locale=C.UTF-8",
		"--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the database: %w: %s", err, tail(out))
	}
	if err := appendTo(filepath.Join(dir, "postgresql.conf"), tuning, os.O_APPEND); err != nil {
		return "", err
	}
	if err := appendTo(filepath.Join(dir, "pg_hba.conf"), hba, os.O_TRUNC); err != nil {
		return "", err
	}
	made = true
	return dir, nil
}

// create makes the cluster that is not there yet.
func (h home) create(ctx context.Context, pg Binaries, account Account) error {
	half, err := filepath.Glob(globEscape(h.dir) + "/" + newPrefix + "*")
	if err != nil {
		return fmt.Errorf("look for half-made databases: %w", err)
	}
	for _, dir := range half {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a half-made database: %w", err)
		}
	}
	dir, err := h.initialise(ctx, pg, account, newPrefix)
	if err != nil {
		return err
	}
	if err := os.Rename(dir, h.cluster()); err != nil {
		return errors.Join(fmt.Errorf("name the new database: %w", err), os.RemoveAll(dir))
	}
	return syncDir(h.dir)
}

// allow writes who may connect: the user that runs us, root, and the server's own user, whose files these are anyway.
func (h home) allow(cluster string, account Account) error {
	var text strings.Builder
	text.WriteString("# Written by CredLane at each start.\n")
	names := map[string]bool{}
	for _, name := range []string{accountName(os.Geteuid()), "root", account.Name} {
		if names[name] {
			continue
		}
		names[name] = true
		for _, role := range []string{superuser, owner} {
			fmt.Fprintf(&text, "credlane \"%s\" %s\n", strings.ReplaceAll(name, `"`, `""`), role)
		}
	}
	return appendTo(filepath.Join(cluster, "pg_ident.conf"), text.String(), os.O_TRUNC)
}

// appendTo writes to a file that initdb made, which keeps its owner and mode.
func appendTo(path, text string, how int) error {
	file, err := os.OpenFile(path, os.O_WRONLY|how, 0)
	if err != nil {
		return fmt.Errorf("configure the database: %w", err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("configure the database: %w", err)
	}
	return nil
}

// said is what the server said of late: first to whoever started it, and from its configuration on to a file of its own.
func (h home) said() ([]byte, error) {
	text, err := os.ReadFile(h.log())
	if err != nil {
		return nil, err
	}
	own, err := filepath.Glob(filepath.Join(globEscape(h.cluster()), "log", "*.log"))
	if err != nil {
		return nil, err
	}
	newest, at := "", time.Time{}
	for _, path := range own {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(at) {
			newest, at = path, info.ModTime()
		}
	}
	if newest == "" {
		return text, nil
	}
	file, err := os.Open(newest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	if _, err := file.Seek(-min(lastWords, sizeOf(file)), io.SeekEnd); err != nil {
		return nil, err
	}
	last, err := io.ReadAll(file)
	return append(text, last...), err
}

// lastWords is how much of the server's own log tells why it ended.
const lastWords = 2000 // bytes

func sizeOf(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail is the end of a program's output, for an error message.
func tail(out []byte) string {
	text := strings.TrimSpace(string(out))
	if len(text) > 2000 {
		text = "..." + text[len(text)-2000:]
	}
	return text
}
