// Package configs turns the environment into one checked, typed configuration.
package configs

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

const prefix = "CREDLANE_"

// Who may register an employer.
const (
	RegistrationFirst  = "first" // until the first owner exists
	RegistrationOpen   = "open"
	RegistrationClosed = "closed"
)

// How log lines look.
const (
	LogJSON = "json"
	LogText = "text"
)

// Config is everything that can be set from outside; configs/example.env says what each variable does.
type Config struct {
	Addr           string   `env:"CREDLANE_ADDR" envDefault:"localhost:8080"`
	PublicURL      string   `env:"CREDLANE_PUBLIC_URL"` // without a slash at the end; derived from Addr when not set
	TrustedProxies Prefixes `env:"CREDLANE_TRUSTED_PROXIES"`
	DataDir        string   `env:"CREDLANE_DATA_DIR"`

	DatabaseURL       Secret `env:"CREDLANE_DATABASE_URL"` // empty: the embedded Postgres in DataDir
	DatabaseDirectURL Secret `env:"CREDLANE_DATABASE_DIRECT_URL"`
	DatabasePooler    bool   `env:"CREDLANE_DATABASE_POOLER"`
	DatabaseMaxConns  int    `env:"CREDLANE_DATABASE_MAX_CONNS"`

	SecretKey    Secret `env:"CREDLANE_SECRET_KEY"`
	Registration string `env:"CREDLANE_REGISTRATION" envDefault:"first"`

	SMTPURL    Secret `env:"CREDLANE_SMTP_URL"`  // empty: mail is kept for the operator
	MailFrom   string `env:"CREDLANE_MAIL_FROM"` // derived from PublicURL when not set
	SMTPCAFile string `env:"CREDLANE_SMTP_CA_FILE"`

	WebhookNetworks Prefixes `env:"CREDLANE_WEBHOOK_NETWORKS"` // that webhooks may go to although they are not public

	LogLevel  slog.Level `env:"CREDLANE_LOG_LEVEL" envDefault:"info"`
	LogFormat string     `env:"CREDLANE_LOG_FORMAT" envDefault:"json"`

	RequestTimeout     time.Duration `env:"CREDLANE_REQUEST_TIMEOUT" envDefault:"15s"`
	ExportStallTimeout time.Duration `env:"CREDLANE_EXPORT_STALL_TIMEOUT" envDefault:"30s"`
	MaxConnections     int           `env:"CREDLANE_MAX_CONNECTIONS" envDefault:"4096"` // sockets
	MaxInFlight        int           `env:"CREDLANE_MAX_IN_FLIGHT" envDefault:"512"`    // requests
	HashParallel       int           `env:"CREDLANE_HASH_PARALLEL"`                     // password hashes at once

	RateLoginAccount Rate `env:"CREDLANE_RATE_LOGIN_ACCOUNT" envDefault:"10/15m"`
	RateLoginAddress Rate `env:"CREDLANE_RATE_LOGIN_ADDRESS" envDefault:"100/15m"`
	RateRegister     Rate `env:"CREDLANE_RATE_REGISTER" envDefault:"20/1h"`
	RateForgot       Rate `env:"CREDLANE_RATE_FORGOT" envDefault:"5/1h"`
	// A campus of 300 behind one address starts together.
	RateStartAddress Rate `env:"CREDLANE_RATE_START_ADDRESS" envDefault:"1000/10m"`
	// One-time codes for one e-mail address; for one client 200 times as many.
	RateCode Rate `env:"CREDLANE_RATE_CODE" envDefault:"5/15m"`

	// Unknown lists the CREDLANE_ variables that mean nothing, usually misspelt ones; sorted.
	Unknown []string `env:"-"`
}

// Embedded says that the program runs its own Postgres.
func (c Config) Embedded() bool { return c.DatabaseURL.Empty() }

// Direct is the URL for what needs a session of its own: migrations, advisory locks.
func (c Config) Direct() Secret {
	if c.DatabaseDirectURL.Empty() {
		return c.DatabaseURL
	}
	return c.DatabaseDirectURL
}

// Key is the decoded secret key, nil when none was set.
func (c Config) Key() []byte {
	key, err := decodeKey(c.SecretKey.Reveal())
	if err != nil {
		return nil // Load refused it already
	}
	return key
}

// Load reads a configuration and reports everything wrong with it at once, without repeating a secret. A variable set
// to nothing counts as not set.
func Load(environ map[string]string) (Config, error) {
	given := map[string]string{}
	for name, value := range environ {
		if value = strings.TrimSpace(value); value != "" {
			given[name] = value
		}
	}
	var c Config
	reasons := inOurWords(env.ParseWithOptions(&c, env.Options{Environment: given}))
	c.Unknown = unknown(given)
	c.fill(given)
	reasons = append(reasons, c.check(len(reasons) == 0)...)
	if len(reasons) > 0 {
		return Config{}, fmt.Errorf("the configuration has %d %s:\n  %w", len(reasons), plural(len(reasons)), join(reasons))
	}
	return c, nil
}

func plural(n int) string {
	if n == 1 {
		return "mistake"
	}
	return "mistakes"
}

func join(reasons []string) error { return errors.New(strings.Join(reasons, "\n  ")) }

// inOurWords names the variable where the library names the field.
func inOurWords(err error) []string {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []string{err.Error()}
	}
	reasons := make([]string, 0, len(all.Errors))
	for _, one := range all.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			reasons = append(reasons, one.Error())
			continue
		}
		field, ok := reflect.TypeFor[Config]().FieldByName(parse.Name)
		if !ok {
			reasons = append(reasons, one.Error())
			continue
		}
		reasons = append(reasons, field.Tag.Get("env")+" "+wanted(field.Type, parse.Err))
	}
	return reasons
}

// wanted says what a type takes; our own types say it themselves.
func wanted(kind reflect.Type, err error) string {
	switch kind {
	case reflect.TypeFor[int]():
		return "must be a whole number, such as 16"
	case reflect.TypeFor[bool]():
		return "must be true or false"
	case reflect.TypeFor[time.Duration]():
		return "must be a time with its unit, such as 15s or 2m"
	case reflect.TypeFor[slog.Level]():
		return "must be debug, info, warn or error"
	default:
		return err.Error()
	}
}

// Names lists every variable, in the order of Config.
func Names() []string {
	var names []string
	for field := range reflect.TypeFor[Config]().Fields() {
		if name := field.Tag.Get("env"); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func unknown(given map[string]string) []string {
	// The corpus variable belongs to the tests.
	known := append(Names(), "CREDLANE_CORPUS")
	var strangers []string
	for name := range maps.Keys(given) {
		if strings.HasPrefix(name, prefix) && !slices.Contains(known, name) {
			strangers = append(strangers, name)
		}
	}
	slices.Sort(strangers)
	return strangers
}

// fill derives what was not set.
func (c *Config) fill(given map[string]string) {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir(given)
	}
	if c.PublicURL == "" {
		c.PublicURL = publicURL(c.Addr)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.DatabaseMaxConns == 0 {
		c.DatabaseMaxConns = min(max(16, 4*runtime.GOMAXPROCS(0)), 64)
	}
	if c.HashParallel == 0 {
		c.HashParallel = max(1, runtime.GOMAXPROCS(0)-1)
	}
}

// defaultDataDir: as root the database runs as an unprivileged user, who cannot reach root's home.
func defaultDataDir(given map[string]string) string {
	home := given["HOME"]
	if os.Geteuid() == 0 || home == "" {
		return "/var/lib/credlane"
	}
	return filepath.Join(home, ".local", "share", "credlane")
}

// Prefixes are networks; an address alone is a network of one.
type Prefixes []netip.Prefix

// UnmarshalText reads `10.0.0.0/8, 192.0.2.7`.
func (p *Prefixes) UnmarshalText(text []byte) error {
	*p = nil
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if address, errAddress := netip.ParseAddr(part); errAddress == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("must list networks such as 10.0.0.0/8, separated by commas; %q is none", part)
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}
