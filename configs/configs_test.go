package configs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"credlane/configs"
)

func key(n int) string { return configs.EncodeKey(bytes.Repeat([]byte{7}, n)) }

func TestTheDefaultsServeOnThisMachine(t *testing.T) {
	t.Parallel()
	c, err := configs.Load(map[string]string{"HOME": "/home/ada"})
	if err != nil {
		t.Fatal(err)
	}
	want := "/home/ada/.local/share/credlane"
	if os.Geteuid() == 0 {
		want = "/var/lib/credlane"
	}
	if c.Addr != "localhost:8080" || c.PublicURL != "http://localhost:8080" || c.DataDir != want || !c.Embedded() ||
		c.Registration != configs.RegistrationFirst || c.LogLevel != slog.LevelInfo || c.DatabaseMaxConns < 16 || c.HashParallel < 1 ||
		c.RateLoginAccount != (configs.Rate{Count: 10, Per: 15 * time.Minute}) || c.Key() != nil || len(c.TrustedProxies) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestTheExampleDocumentsEveryVariableAndLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("example.env")
	if err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^#?(CREDLANE_[A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		environ[line[1]] = line[2]
	}
	if got, want := slices.Sorted(maps.Keys(environ)), slices.Sorted(slices.Values(configs.Names())); !slices.Equal(got, want) {
		t.Errorf("the example has %v\nwant %v", got, want)
	}
	environ["CREDLANE_SECRET_KEY"] = key(32) // an example key would be used as it stands
	c, err := configs.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Unknown) > 0 {
		t.Errorf("unknown: %v", c.Unknown)
	}
}

func TestTheComposeFileSetsKnownVariablesAndWantsItsSecrets(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	set := regexp.MustCompile(`(?m)^      (CREDLANE_[A-Z_]+):`).FindAllStringSubmatch(string(text), -1)
	for _, line := range set {
		if !slices.Contains(configs.Names(), line[1]) {
			t.Errorf("%s means nothing", line[1])
		}
	}
	if len(set) == 0 {
		t.Error("it sets nothing")
	}
	for _, secret := range []string{"CREDLANE_SECRET_KEY", "POSTGRES_PASSWORD"} {
		uses := strings.Count(string(text), "${"+secret)
		if required := strings.Count(string(text), "${"+secret+":?"); required == 0 || required != uses {
			t.Errorf("%s is required in %d of %d places", secret, required, uses)
		}
	}
}

func TestEveryMistakeIsReportedAtOnceByItsVariable(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"CREDLANE_ADDR":                 "nowhere",
		"CREDLANE_PUBLIC_URL":           "ftp://x/y",
		"CREDLANE_TRUSTED_PROXIES":      "10.0.0.0/8, everybody",
		"CREDLANE_DATA_DIR":             "relative",
		"CREDLANE_DATABASE_URL":         "mysql://u:hunter2@h/d",
		"CREDLANE_DATABASE_DIRECT_URL":  "postgres://u:hunter2@h:x y/d",
		"CREDLANE_DATABASE_POOLER":      "perhaps",
		"CREDLANE_DATABASE_MAX_CONNS":   "many",
		"CREDLANE_SECRET_KEY":           "hunter2",
		"CREDLANE_REGISTRATION":         "sometimes",
		"CREDLANE_SMTP_URL":             "http://u:hunter2@mail.example.com",
		"CREDLANE_MAIL_FROM":            "nobody",
		"CREDLANE_SMTP_CA_FILE":         "mail.pem",
		"CREDLANE_WEBHOOK_NETWORKS":     "localhost",
		"CREDLANE_LOG_LEVEL":            "loud",
		"CREDLANE_LOG_FORMAT":           "xml",
		"CREDLANE_REQUEST_TIMEOUT":      "15",
		"CREDLANE_EXPORT_STALL_TIMEOUT": "soon",
		"CREDLANE_MAX_CONNECTIONS":      "1e3",
		"CREDLANE_MAX_IN_FLIGHT":        "-",
		"CREDLANE_HASH_PARALLEL":        "two",
		"CREDLANE_RATE_LOGIN_ACCOUNT":   "10",
		"CREDLANE_RATE_LOGIN_ADDRESS":   "0/1m",
		"CREDLANE_RATE_REGISTER":        "1/1",
		"CREDLANE_RATE_FORGOT":          "x/1h",
		"CREDLANE_RATE_START_ADDRESS":   "1/-1m",
		"CREDLANE_RATE_CODE":            "5 in 15m",
	}
	_, err := configs.Load(wrong)
	if err == nil {
		t.Fatal("everything was accepted")
	}
	for _, name := range configs.Names() {
		if !strings.Contains(err.Error(), name+" must ") {
			t.Errorf("nothing is said of %s", name)
		}
		if _, tried := wrong[name]; !tried {
			t.Errorf("no mistake is tried in %s", name)
		}
	}
	for _, leak := range []string{"hunter2", "field", "strconv", "parse "} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%q is repeated in: %v", leak, err)
		}
	}
}

func TestBoundsAndCombinationsAreChecked(t *testing.T) {
	t.Parallel()
	const db = "postgres://u:p@h/d"
	for name, c := range map[string]struct {
		environ map[string]string
		says    string // empty: accepted
	}{
		"a URL alone":           {map[string]string{"CREDLANE_DATABASE_URL": db}, "CREDLANE_SECRET_KEY must be set"},
		"a URL with a key":      {map[string]string{"CREDLANE_DATABASE_URL": db, "CREDLANE_SECRET_KEY": key(32)}, ""},
		"a key in hexadecimal":  {map[string]string{"CREDLANE_SECRET_KEY": strings.Repeat("ab", 32)}, ""},
		"a short key":           {map[string]string{"CREDLANE_SECRET_KEY": key(31)}, "at least 32"},
		"a pooler alone":        {map[string]string{"CREDLANE_DATABASE_URL": db, "CREDLANE_SECRET_KEY": key(32), "CREDLANE_DATABASE_POOLER": "true"}, "needs CREDLANE_DATABASE_DIRECT_URL"},
		"a pooler without URL":  {map[string]string{"CREDLANE_DATABASE_POOLER": "true"}, "mean nothing without"},
		"too many connections":  {map[string]string{"CREDLANE_DATABASE_MAX_CONNS": "1001"}, "from 2 to 1000"},
		"no connections":        {map[string]string{"CREDLANE_DATABASE_MAX_CONNS": "-1"}, "from 2 to 1000"},
		"an endless timeout":    {map[string]string{"CREDLANE_REQUEST_TIMEOUT": "2h"}, "from 1s to 1h"},
		"a port out of range":   {map[string]string{"CREDLANE_ADDR": ":70000"}, "CREDLANE_ADDR must be"},
		"a URL with a password": {map[string]string{"CREDLANE_PUBLIC_URL": "https://u:p@x.example"}, "CREDLANE_PUBLIC_URL must be"},
		"a socket":              {map[string]string{"CREDLANE_DATABASE_URL": "postgres:///d?host=/run/x", "CREDLANE_SECRET_KEY": key(32)}, ""},
		"mail":                  {map[string]string{"CREDLANE_SMTP_URL": "smtp://u:p%40@mail.example.com:25?tls=required"}, ""},
		"mail over TLS":         {map[string]string{"CREDLANE_SMTP_URL": "smtps://mail.example.com", "CREDLANE_MAIL_FROM": "noreply@b\u00fccher.example"}, ""},
		"mail half secured":     {map[string]string{"CREDLANE_SMTP_URL": "smtp://mail.example.com?tls=perhaps"}, "CREDLANE_SMTP_URL must"},
		"mail with a path":      {map[string]string{"CREDLANE_SMTP_URL": "smtp://mail.example.com/inbox"}, "CREDLANE_SMTP_URL must"},
		"mail from an odd name": {map[string]string{"CREDLANE_MAIL_FROM": "gr\u00fc\u00dfe@example.com"}, "CREDLANE_MAIL_FROM must"},
		"a CA without mail":     {map[string]string{"CREDLANE_SMTP_CA_FILE": "/etc/ssl/mail.pem"}, "means nothing without"},
		"a sender of numbers": {map[string]string{"CREDLANE_SMTP_URL": "smtp://mail.example.com", "CREDLANE_PUBLIC_URL": "http://192.0.2.1"},
			"CREDLANE_MAIL_FROM must be set"},
		"nothing but spaces": {map[string]string{"CREDLANE_ADDR": " ", "CREDLANE_DATABASE_URL": ""}, ""},
	} {
		_, err := configs.Load(c.environ)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

func TestTheKeyIsTheSameInEachSpelling(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 17)
	for _, text := range []string{configs.EncodeKey(raw), fmt.Sprintf("%x", raw), strings.TrimRight(configs.EncodeKey(raw), "="),
		strings.NewReplacer("+", "-", "/", "_").Replace(configs.EncodeKey(raw))} {
		c, err := configs.Load(map[string]string{"CREDLANE_SECRET_KEY": text})
		if err != nil || !bytes.Equal(c.Key(), raw) {
			t.Errorf("%s: key %x, error %v", text, c.Key(), err)
		}
	}
}

func TestThePublicURLFollowsTheAddress(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":9000": "http://localhost:9000", "0.0.0.0:80": "http://localhost", "[::]:8080": "http://localhost:8080",
		"[::1]:8080": "http://[::1]:8080", "[::1]:80": "http://[::1]", "tests.example:8080": "http://tests.example:8080",
	} {
		c, err := configs.Load(map[string]string{"CREDLANE_ADDR": addr})
		if err != nil || c.PublicURL != want {
			t.Errorf("%s gives %s, error %v; want %s", addr, c.PublicURL, err, want)
		}
	}
}

func TestProxiesMayBeNetworksAndAddresses(t *testing.T) {
	t.Parallel()
	c, err := configs.Load(map[string]string{"CREDLANE_TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7,2001:db8::1,"})
	if got := fmt.Sprint(c.TrustedProxies); err != nil || got != "[10.0.0.0/8 192.0.2.7/32 2001:db8::1/128]" {
		t.Errorf("got %s, error %v", got, err)
	}
}

func TestAMisspeltVariableIsNamed(t *testing.T) {
	t.Parallel()
	c, err := configs.Load(map[string]string{"CREDLANE_ADRESS": "x", "CREDLANE_CORPUS": "x", "ADDR": "x"})
	if err != nil || !slices.Equal(c.Unknown, []string{"CREDLANE_ADRESS"}) {
		t.Errorf("got %v, error %v", c.Unknown, err)
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := key(32)
	c, err := configs.Load(map[string]string{"CREDLANE_DATABASE_URL": "postgres://u:hunter2@h/d", "CREDLANE_SECRET_KEY": secret})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", c.SecretKey)
		fmt.Fprintf(&out, verb+"\n", &c.SecretKey)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "key", c.SecretKey)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c, "key", c.SecretKey)
	for _, leak := range []string{"hunter2", secret, fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "104 117 110"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q stands in:\n%s", leak, out.String())
		}
	}
	if c.DatabaseURL.Reveal() != "postgres://u:hunter2@h/d" {
		t.Error("the secret is lost")
	}
}
