package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"credlane/app/kit/pg"
	"credlane/configs"
)

// VersionInfo is what `credlane version` prints.
type VersionInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Version names this build.
func Version(version string) VersionInfo { return VersionInfo{Version: version, Go: runtime.Version()} }

// Report is what the doctor found.
type Report struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Check is one thing looked at: what was found, and what to do when it is not well.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Do   string `json:"do,omitempty"`
}

// The doctor's thresholds.
const (
	lowDisk      = 1 << 30          // bytes free in the data directory
	clockDrift   = 2 * time.Second  // between this machine and the database
	doctorLimit  = 30 * time.Second // for all checks together
	oldestServer = 150000           // the schema's statements need Postgres 15
)

// Doctor checks what a running instance needs. It changes nothing, but for starting the embedded Postgres.
func Doctor(ctx context.Context, cfg configs.Config, cfgErr error) Report {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	r := &Report{OK: true}
	if cfgErr != nil {
		r.fail("configuration", cfgErr.Error(), "mend the variables or flags named here; configs/example.env explains each")
		return *r
	}
	r.pass("configuration", "every value is readable")
	if len(cfg.Unknown) > 0 {
		r.fail("variables", fmt.Sprintf("%v mean nothing to CredLane", cfg.Unknown), "correct their names or remove them")
	}
	if cfg.Embedded() {
		r.disk(cfg.DataDir)
		if _, err := os.Stat(cfg.DataDir); err != nil {
			r.fail("database", "there is none in "+cfg.DataDir+" yet", "start \"credlane serve\" once, or correct CREDLANE_DATA_DIR")
			return *r
		}
	}
	db, err := openDatabase(ctx, &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		r.fail("database", err.Error(), "see that Postgres runs and CREDLANE_DATABASE_URL is right; for the embedded one run \"make tools\"")
		return *r
	}
	defer func() {
		if err := db.close(); err != nil {
			r.fail("database", err.Error(), "look at the log in the data directory")
		}
	}()
	r.database(ctx, cfg, db.directURL)
	return *r
}

func (r *Report) pass(name, says string) {
	r.Checks = append(r.Checks, Check{Name: name, OK: true, Says: says})
}

func (r *Report) fail(name, says, do string) {
	r.OK = false
	r.Checks = append(r.Checks, Check{Name: name, Says: says, Do: do})
}

const sqlServerFacts = `
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
       current_setting('server_encoding') AS encoding, clock_timestamp() AS now, current_setting('fsync') = 'on' AS durable`

func (r *Report) database(ctx context.Context, cfg configs.Config, directURL string) {
	pool, err := pg.Open(ctx, pg.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 1, Pooler: cfg.DatabasePooler})
	if err != nil {
		r.fail("database", "it cannot be reached: "+err.Error(), "see that Postgres runs and that CREDLANE_DATABASE_URL is right")
		return
	}
	defer pool.Close()
	facts, err := pg.One[struct {
		Version     int
		VersionText string
		Encoding    string
		Now         time.Time
		Durable     bool
	}](ctx, pool, sqlServerFacts)
	if err != nil {
		r.fail("database", "it does not answer: "+err.Error(), "look at the log of Postgres")
		return
	}
	r.check(facts.Version >= oldestServer, "database", "Postgres "+facts.VersionText, "move to Postgres 15 or newer")
	r.check(facts.Encoding == "UTF8", "encoding", facts.Encoding, "make the database with ENCODING 'UTF8'; questions come in every language")
	r.check(facts.Durable, "durability", fmt.Sprintf("fsync on: %v", facts.Durable), "turn fsync on: an answer that was acknowledged must be kept")
	drift := time.Since(facts.Now).Abs()
	r.check(drift < clockDrift, "clock", fmt.Sprintf("%d ms from the database's", drift.Milliseconds()), "let both machines keep time by NTP; deadlines depend on it")
	r.migrations(ctx, directURL)
}

func (r *Report) migrations(ctx context.Context, url string) {
	m, err := newMigrator(url)
	if err != nil {
		r.fail("migrations", err.Error(), "check CREDLANE_DATABASE_DIRECT_URL")
		return
	}
	list, err := m.status(ctx)
	if closeErr := m.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		r.fail("migrations", err.Error(), "check CREDLANE_DATABASE_DIRECT_URL")
		return
	}
	missing := 0
	for _, s := range list {
		if !s.Applied {
			missing++
		}
	}
	r.check(missing == 0, "migrations", fmt.Sprintf("%d known, %d not applied", len(list), missing), "run \"credlane migrate up\"; \"credlane serve\" does it too")
}

func (r *Report) check(ok bool, name, says, do string) {
	if ok {
		r.pass(name, says)
	} else {
		r.fail(name, says, do)
	}
}

func (r *Report) disk(dir string) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(existing(dir), &fs); err != nil {
		r.fail("disk", "the data directory cannot be read", "check that "+dir+" exists and may be read")
		return
	}
	free := fs.Bavail * uint64(fs.Bsize)
	r.check(free >= lowDisk, "disk", fmt.Sprintf("%d MiB free in the data directory", free>>20), "free some space: with none left, no answer can be saved")
}

// existing is the nearest directory above path that is there: before the first start there is no data directory yet.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
