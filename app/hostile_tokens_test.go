package app_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
	"credlane/modules/auth"
)

// signingKey is the key that signs the world's tokens, as only the program can read it.
func (w *world) signingKey() (kid string, secret []byte) {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.db.URL, MaxConns: 2})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	key, err := seal.New(bytes.Repeat([]byte{9}, 32))
	if err != nil {
		w.t.Fatal(err)
	}
	ring, err := auth.NewKeyring(db, clock.System{}, ids.New(clock.System{}), slog.New(slog.DiscardHandler), key)
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := ring.SigningKeys(w.t.Context())
	if err != nil || len(keys) == 0 {
		w.t.Fatal(keys, err)
	}
	return keys[0].KID, keys[0].Secret
}

// claimsOf reads a token without judging it.
func claimsOf(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %s", token)
	}
	plain, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.MapClaims
	if err := json.Unmarshal(plain, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// forger makes tokens of one caller's claims.
type forger struct {
	t      *testing.T
	token  string // the right one
	kid    string
	secret []byte
	rsa    *rsa.PrivateKey
}

func (f forger) sign(method jwt.SigningMethod, key any, change func(header map[string]any, claims jwt.MapClaims)) string {
	f.t.Helper()
	token := jwt.NewWithClaims(method, claimsOf(f.t, f.token))
	token.Header["kid"] = f.kid
	if change != nil {
		change(token.Header, token.Claims.(jwt.MapClaims))
	}
	signed, err := token.SignedString(key)
	if err != nil {
		f.t.Fatal(err)
	}
	return signed
}

// forgeries are tokens that no route may take, by what is wrong with them. other is a right token of the other sort.
func (f forger) forgeries(other string) map[string]string {
	ours := func(change func(header map[string]any, claims jwt.MapClaims)) string {
		return f.sign(jwt.SigningMethodHS256, f.secret, change)
	}
	claim := func(name string, v any) string {
		return ours(func(_ map[string]any, c jwt.MapClaims) {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		})
	}
	header := func(name string, v any) string {
		return ours(func(h map[string]any, _ jwt.MapClaims) {
			if h[name] = v; v == nil {
				delete(h, name)
			}
		})
	}
	now, parts := time.Now(), strings.Split(f.token, ".")
	shifted := claimsOf(f.t, f.token)
	shifted["sub"] = someID
	others, err := json.Marshal(shifted)
	if err != nil {
		f.t.Fatal(err)
	}
	return map[string]string{
		"alg none":            f.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg None":            base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","kid":"`+f.kid+`"}`)) + "." + parts[1] + ".",
		"no signature":        parts[0] + "." + parts[1] + ".",
		"another key":         f.sign(jwt.SigningMethodHS256, bytes.Repeat([]byte{7}, 32), nil),
		"an empty key":        f.sign(jwt.SigningMethodHS256, []byte{}, nil),
		"the sealing key":     f.sign(jwt.SigningMethodHS256, bytes.Repeat([]byte{9}, 32), nil),
		"HS384":               f.sign(jwt.SigningMethodHS384, f.secret, nil),
		"HS512":               f.sign(jwt.SigningMethodHS512, f.secret, nil),
		"RS256":               f.sign(jwt.SigningMethodRS256, f.rsa, nil),
		"another audience":    claim("aud", "credlane:somewhere"),
		"no audience":         claim("aud", nil),
		"another issuer":      claim("iss", "https://issuer.example"),
		"no issuer":           claim("iss", nil),
		"expired":             claim("exp", now.Add(-time.Minute).Unix()),
		"expired for ever":    claim("exp", 0),
		"no exp":              claim("exp", nil),
		"exp as text":         claim("exp", "tomorrow"),
		"from the future":     claim("iat", now.Add(time.Hour).Unix()),
		"not yet good":        claim("nbf", now.Add(time.Hour).Unix()),
		"no subject":          claim("sub", nil),
		"a subject of no id":  claim("sub", "' OR 1=1 --"),
		"no kid":              header("kid", nil),
		"an unknown kid":      header("kid", "00000000"),
		"a kid of a path":     header("kid", "../../etc/passwd"),
		"a kid of SQL":        header("kid", f.kid+"' OR '1'='1"),
		"a kid that is none":  header("kid", []string{f.kid}),
		"the other sort":      other,
		"truncated":           f.token[:len(f.token)-1],
		"half":                f.token[:len(f.token)/2],
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          f.token + ".x",
		"other claims":        parts[0] + "." + base64.RawURLEncoding.EncodeToString(others) + "." + parts[2],
		"8 KiB":               claim("padding", strings.Repeat("x", 8<<10)),
		"8 KiB of nothing":    strings.Repeat("a", 8<<10),
		"an unknown API key":  "clk_" + strings.Repeat("a", 43),
		"an empty API key":    "clk_",
		"padding":             f.token + "=",
		"a second scheme":     "Bearer " + f.token,
		"a comma and another": f.token + ", Bearer " + f.token,
	}
}

func TestForgedTokensOpenNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	kid, secret := s.signingKey()
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forgeries, tried := map[string]map[string]string{}, 0
	for who, tokens := range map[string][2]string{"member": {s.owner, s.candidate}, "candidate": {s.candidate, s.owner}} {
		f := forger{t, tokens[0], kid, secret, pair}
		forgeries[who] = f.forgeries(tokens[1])
		path := map[string]string{"member": "/api/v1/auth/me", "candidate": "/api/v1/public/submission"}[who]
		s.must(200, "GET", path, f.sign(jwt.SigningMethodHS256, secret, nil), nil) // the forger's hand is good
	}
	forgeries["candidate"]["an API key"] = s.keys["owner"]
	was := s.contents()
	nobody := anonymous(s.must(401, "GET", "/api/v1/auth/me", "", nil))
	for _, o := range operations(t) {
		if o.who == "public" {
			continue
		}
		who := "member"
		if o.who == "candidate" {
			who = "candidate"
		}
		for what, token := range forgeries[who] {
			tried++
			if r := s.call(o.method, s.at(o.path, nil), token, nil, "If-Match", "*"); anonymous(r) != nobody || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s takes a token that is wrong by: %s: %d %.200q", o.id, what, r.status, r.body)
			}
		}
		for _, value := range []string{"", "Bearer", "Bearer ", "Basic " + s.owner, "Token " + s.owner, s.owner, "Bearer\t" + s.owner, "bearer: " + s.owner} {
			if r := s.call(o.method, s.at(o.path, nil), "", nil, "Authorization", value); anonymous(r) != nobody {
				t.Errorf("%s takes the header %.20q: %d", o.id, value, r.status)
			}
		}
	}
	s.unchanged(was)
	if tried < 1000 {
		t.Errorf("only %d were tried", tried)
	}
}

// TestTwoCredentialsAreNone: a proxy in front may have judged one of them and the program the other.
func TestTwoCredentialsAreNone(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	for _, o := range operations(t) {
		if o.who == "public" {
			continue
		}
		for _, second := range []string{"Bearer " + s.members["viewer"], "Bearer nonsense", "", "Bearer " + s.credential(o.who)} {
			for _, order := range [][]string{{"Bearer " + s.credential(o.who), second}, {second, "Bearer " + s.credential(o.who)}} {
				req, err := http.NewRequestWithContext(t.Context(), o.method, s.url+s.at(o.path, nil), nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header["Authorization"] = order
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != 401 {
					t.Fatalf("%s takes one of two Authorization headers: %d", o.id, res.StatusCode)
				}
			}
		}
	}
}
