package configs

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minKey is what a secret key has at least, in bytes.
const minKey = 32

// check judges what parsing cannot. The rules over several variables are left out when one of them could not be read:
// they would only confuse.
func (c *Config) check(parsed bool) (reasons []string) {
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			reasons = append(reasons, fmt.Sprintf(format, args...))
		}
	}
	_, port, err := net.SplitHostPort(c.Addr)
	number, errPort := strconv.Atoi(port)
	refuse(err != nil || errPort != nil || number < 0 || number > 65535,
		"CREDLANE_ADDR must be an address and a port, such as localhost:8080 or :8080")
	refuse(!webURL(c.PublicURL), "CREDLANE_PUBLIC_URL must be the address people type, such as https://tests.example.com, without a path")
	refuse(!filepath.IsAbs(c.DataDir), "CREDLANE_DATA_DIR must be a full path, such as /var/lib/credlane")
	refuse(!c.DatabaseURL.Empty() && !postgresURL(c.DatabaseURL.Reveal()),
		"CREDLANE_DATABASE_URL must look like postgres://user:password@host:5432/database")
	refuse(!c.DatabaseDirectURL.Empty() && !postgresURL(c.DatabaseDirectURL.Reveal()),
		"CREDLANE_DATABASE_DIRECT_URL must look like postgres://user:password@host:5432/database")
	if !c.SecretKey.Empty() {
		_, err := decodeKey(c.SecretKey.Reveal())
		refuse(err != nil, "CREDLANE_SECRET_KEY %v", err)
	}
	refuse(!c.SMTPURL.Empty() && !smtpURL(c.SMTPURL.Reveal()),
		"CREDLANE_SMTP_URL must look like smtp://user:password@mail.example.com:587, with ?tls=required to insist on TLS, or like smtps://mail.example.com")
	refuse(c.MailFrom != "" && !sender(c.MailFrom), "CREDLANE_MAIL_FROM must be an address, such as CredLane <noreply@example.com>")
	refuse(c.SMTPCAFile != "" && !filepath.IsAbs(c.SMTPCAFile), "CREDLANE_SMTP_CA_FILE must be a full path, such as /etc/ssl/mail.pem")
	refuse(!slices.Contains([]string{RegistrationFirst, RegistrationOpen, RegistrationClosed}, c.Registration),
		"CREDLANE_REGISTRATION must be first, open or closed")
	refuse(!slices.Contains([]string{LogJSON, LogText}, c.LogFormat), "CREDLANE_LOG_FORMAT must be json or text")
	if parsed {
		reasons = append(reasons, c.checkBounds()...)
		reasons = append(reasons, c.checkDatabase()...)
		reasons = append(reasons, c.checkMail()...)
	}
	return reasons
}

func (c *Config) checkBounds() (reasons []string) {
	for _, number := range []struct {
		name           string
		value, lo, top int
	}{
		{"CREDLANE_DATABASE_MAX_CONNS", c.DatabaseMaxConns, 2, 1000},
		{"CREDLANE_MAX_CONNECTIONS", c.MaxConnections, 16, 1_000_000},
		{"CREDLANE_MAX_IN_FLIGHT", c.MaxInFlight, 1, 100_000},
		{"CREDLANE_HASH_PARALLEL", c.HashParallel, 1, 256},
	} {
		if number.value < number.lo || number.value > number.top {
			reasons = append(reasons, fmt.Sprintf("%s must be from %d to %d", number.name, number.lo, number.top))
		}
	}
	for _, span := range []struct {
		name  string
		value time.Duration
	}{
		{"CREDLANE_REQUEST_TIMEOUT", c.RequestTimeout},
		{"CREDLANE_EXPORT_STALL_TIMEOUT", c.ExportStallTimeout},
	} {
		if span.value < time.Second || span.value > time.Hour {
			reasons = append(reasons, span.name+" must be from 1s to 1h")
		}
	}
	return reasons
}

func (c *Config) checkMail() (reasons []string) {
	if c.SMTPURL.Empty() && c.SMTPCAFile != "" {
		reasons = append(reasons, "CREDLANE_SMTP_CA_FILE means nothing without CREDLANE_SMTP_URL: set it too, or remove it")
	}
	if u, err := url.Parse(c.PublicURL); !c.SMTPURL.Empty() && c.MailFrom == "" && err == nil && net.ParseIP(u.Hostname()) != nil {
		reasons = append(reasons, "CREDLANE_MAIL_FROM must be set together with CREDLANE_SMTP_URL when CREDLANE_PUBLIC_URL has no name: no sender can be made of it")
	}
	return reasons
}

func (c *Config) checkDatabase() (reasons []string) {
	if c.Embedded() {
		if !c.DatabaseDirectURL.Empty() || c.DatabasePooler {
			reasons = append(reasons, "CREDLANE_DATABASE_DIRECT_URL and CREDLANE_DATABASE_POOLER mean nothing without CREDLANE_DATABASE_URL: set it too, or remove them")
		}
		return reasons
	}
	if c.SecretKey.Empty() {
		reasons = append(reasons, "CREDLANE_SECRET_KEY must be set together with CREDLANE_DATABASE_URL, and be the same for every instance; `openssl rand -base64 32` makes one")
	}
	if c.DatabasePooler && c.DatabaseDirectURL.Empty() {
		reasons = append(reasons, "CREDLANE_DATABASE_POOLER needs CREDLANE_DATABASE_DIRECT_URL: migrations cannot run through a transaction pooler")
	}
	return reasons
}

// decodeKey takes hexadecimal or any of the base64 alphabets.
func decodeKey(text string) ([]byte, error) {
	decoders := []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	}
	for _, decode := range decoders {
		if key, err := decode(text); err == nil && len(key) >= minKey {
			return key, nil
		}
	}
	return nil, errors.New("must be at least 32 random bytes in base64 or hexadecimal; `openssl rand -base64 32` makes one")
}

// EncodeKey writes a key as CREDLANE_SECRET_KEY takes it.
func EncodeKey(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		u.Path == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func smtpURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return false
	}
	for key, values := range u.Query() {
		if key != "tls" || !slices.Equal(values, []string{"required"}) {
			return false
		}
	}
	return true
}

// sender takes an address whose part before the @ every mail server takes.
func sender(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return false
	}
	local, _, _ := strings.Cut(a.Address, "@")
	return !strings.ContainsFunc(local, func(r rune) bool { return r > '~' })
}

func postgresURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") &&
		(u.Host != "" || u.Query().Get("host") != "")
}

// publicURL is how a browser on this machine reaches the address.
func publicURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://localhost:8080" // check refuses the address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if port == "80" {
		return "http://" + strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
	}
	return "http://" + net.JoinHostPort(host, port)
}
