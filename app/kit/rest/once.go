package rest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

const (
	keyLife      = 24 * time.Hour // how long a retry gets the first answer
	twinPatience = "5s"           // how long a twin waits for the first request
	maxKey       = 255
)

const (
	// For this transaction only, so that it works behind a transaction pooler.
	sqlPatience = `
SELECT current_setting('lock_timeout'), set_config('lock_timeout', $1, true)`

	// An expired row gives way, so that the promise of 24 hours is kept whether or not the sweep has run.
	sqlClaimKey = `
INSERT INTO idempotency_keys AS k (principal, operation, key_hash, request_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT idempotency_keys_once DO UPDATE
   SET request_hash = EXCLUDED.request_hash, response = NULL, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
 WHERE k.expires_at <= EXCLUDED.created_at`

	sqlFindKey = `
SELECT request_hash, response
  FROM idempotency_keys
 WHERE principal = $1 AND operation = $2 AND key_hash = $3`

	sqlKeepAnswer = `
UPDATE idempotency_keys
   SET response = $4
 WHERE principal = $1 AND operation = $2 AND key_hash = $3`
)

// Once runs fn in one transaction. When the operation is Idempotent and the request carries an Idempotency-Key, the key's row
// is inserted first, so that a twin waits for this transaction (5 s at most, else ErrInProgress) and then gets the stored first
// answer: as an error that Handle writes out, so hand it on like any other. Another request under the key is ErrKeyReused.
// When O has a method WithoutSecrets() *O, its result is what is stored.
func Once[O any](ctx context.Context, db *pg.DB, fn func(tx pgx.Tx) (*O, error)) (*O, error) {
	k := callOf(ctx)
	var out *O
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		var err error
		if k == nil || k.idempotencyKey == "" {
			out, err = fn(tx)
			return err
		}
		key := k.keyRow()
		if err := key.claim(ctx, tx); err != nil {
			return err
		}
		if out, err = fn(tx); err != nil {
			return err
		}
		kept := out
		if secretive, ok := any(out).(interface{ WithoutSecrets() *O }); ok {
			kept = secretive.WithoutSecrets()
		}
		first, err := answerOf(kept, k.route.op)
		if err != nil {
			return err
		}
		return key.keep(ctx, tx, first)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// keyRow names one row of idempotency_keys.
type keyRow struct {
	principal, operation string
	keyHash, requestHash []byte
	now                  time.Time
}

func (k *call) keyRow() keyRow {
	hash := sha256.Sum256([]byte(k.idempotencyKey))
	return keyRow{
		// A person may move to another employer, who must not get the first one's answer.
		principal: k.principal.String() + " of " + k.principal.EmployerID.String(), operation: k.route.op.ID, keyHash: hash[:], requestHash: k.requestHash,
		now: k.clock.Now(),
	}
}

// claim inserts the row, or ends with the first answer.
func (r keyRow) claim(ctx context.Context, tx pgx.Tx) error {
	var usual, set string
	if err := tx.QueryRow(ctx, sqlPatience, twinPatience).Scan(&usual, &set); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	tag, err := tx.Exec(ctx, sqlClaimKey, r.principal, r.operation, r.keyHash, r.requestHash, r.now, r.now.Add(keyLife))
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "55P03": // lock_not_available: the first one takes longer than we wait
		return ErrInProgress.RetryIn(time.Second).Because(err)
	case err != nil:
		return fmt.Errorf("idempotency key: %w", err)
	}
	if err := tx.QueryRow(ctx, sqlPatience, usual).Scan(&set, &set); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return nil
	}
	var requestHash, response []byte
	if err := tx.QueryRow(ctx, sqlFindKey, r.principal, r.operation, r.keyHash).Scan(&requestHash, &response); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	if string(requestHash) != string(r.requestHash) {
		return ErrKeyReused
	}
	first := &replay{}
	if err := json.Unmarshal(response, &first.answer); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return first
}

func (r keyRow) keep(ctx context.Context, tx pgx.Tx, a answer) error {
	stored, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlKeepAnswer, r.principal, r.operation, r.keyHash, stored); err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return nil
}

// answer is what an operation said, as it is stored.
type answer struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Body     string `json:"body,omitempty"` // as text: jsonb would sort the keys, and a retry gets the very same bytes
}

// answerOf reads O by the names that Handle knows.
func answerOf[O any](out *O, op Op) (answer, error) {
	v := reflect.ValueOf(out).Elem()
	a := answer{Status: orDefault(op.Status, http.StatusOK)}
	if f := v.FieldByName("Status"); f.IsValid() && f.Int() != 0 {
		a.Status = int(f.Int())
	}
	if f := v.FieldByName("Location"); f.IsValid() {
		a.Location = f.String()
	}
	if f := v.FieldByName("ETag"); f.IsValid() {
		a.ETag = f.String()
	}
	if f := v.FieldByName("Body"); f.IsValid() {
		body, err := encode(f.Interface())
		if err != nil {
			return a, err
		}
		a.Body = string(body)
	}
	return a, nil
}

// replay is the first answer on its way to the client of a retry.
type replay struct{ answer answer }

func (*replay) Error() string { return "the first answer is given again" }

func (r *replay) write(c echo.Context) error {
	header := c.Response().Header()
	for name, value := range map[string]string{"Location": r.answer.Location, "ETag": r.answer.ETag, "Idempotent-Replayed": "true"} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return c.Blob(r.answer.Status, jsonType, []byte(r.answer.Body))
}

// readIdempotencyKey takes the key off the request.
func (k *call) readIdempotencyKey() error {
	key := k.request.Header.Get("Idempotency-Key")
	if key == "" {
		return nil
	}
	ok := len(key) <= maxKey
	for i := range len(key) {
		ok = ok && key[i] > ' ' && key[i] < 0x7f
	}
	if !ok {
		return ErrInvalid.WithFields(fault.Field{
			Location: "header.Idempotency-Key", Message: "Use 1 to 255 visible ASCII characters, such as a UUID.",
		})
	}
	k.idempotencyKey = key
	return nil
}

// hashRequest notes what the key stands for: the path, the query and the body.
func (k *call) hashRequest(body []byte) {
	if k.idempotencyKey == "" {
		return
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%s\n", k.request.URL.Path, k.request.URL.RawQuery)
	hash.Write(body)
	k.requestHash = hash.Sum(nil)
}
