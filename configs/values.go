package configs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

const redacted = "[secret]"

// Secret is a value that no print, log line or JSON document shows.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal is the value itself; only what uses it may call it.
func (s Secret) Reveal() string { return s.value }

// Empty says that nothing was set.
func (s Secret) Empty() bool { return s.value == "" }

// String hides the value, but not whether there is one.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// Format hides the value from every verb: %d and %x would otherwise walk into the struct.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt offers no way to report it
}

// MarshalText hides the value from JSON and its kind.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText sets the value.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}

// Rate is how often something may happen.
type Rate struct {
	Count int
	Per   time.Duration
}

var errRate = errors.New("must be a count and a time, such as 10/15m")

// UnmarshalText reads `10/15m`: ten in fifteen minutes.
func (r *Rate) UnmarshalText(text []byte) error {
	count, per, ok := strings.Cut(string(text), "/")
	if !ok {
		return errRate
	}
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || n < 1 || n > 1_000_000 {
		return errRate
	}
	span, err := time.ParseDuration(strings.TrimSpace(per))
	if err != nil || span < time.Second || span > 24*time.Hour {
		return errRate
	}
	*r = Rate{Count: n, Per: span}
	return nil
}

// String is what UnmarshalText reads.
func (r Rate) String() string { return fmt.Sprintf("%d/%s", r.Count, r.Per) }

// MarshalText is what UnmarshalText reads.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
