package auth

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

const (
	keySignsFor = 30 * 24 * time.Hour
	// A key is known to every instance before it signs: they read the table at least this often.
	keyLeadTime = 2 * time.Minute
	// The longest token is a candidate's: 180 days.
	keyVerifiesFor = 181 * 24 * time.Hour
	// The guard reads this many keys at most; one more would sign people out.
	maxLiveKeys = 60
	secretBytes = 32
)

// ErrTooManySigningKeys refuses a rotation after which the oldest live key would be forgotten.
var ErrTooManySigningKeys = fault.New(fault.Conflict, "too_many_signing_keys",
	"The signing keys were changed too often: tokens of the oldest would stop working. Wait until some have expired.")

// Keyring keeps the keys that sign tokens: rows, each sealed under the secret key, so that a copy of the database signs
// nothing. It is safe for concurrent use, by any number of instances.
type Keyring struct {
	db    *pg.DB
	clock clock.Clock
	ids   *ids.Source
	log   *slog.Logger
	aead  cipher.AEAD
}

// NewKeyring makes the keyring on the secret key.
func NewKeyring(db *pg.DB, c clock.Clock, source *ids.Source, log *slog.Logger, key *seal.Key) (*Keyring, error) {
	aead, err := key.Sealer("signing keys v1")
	if err != nil {
		return nil, err
	}
	return &Keyring{db: db, clock: c, ids: source, log: log, aead: aead}, nil
}

// SigningKeys gives every key whose tokens may live, newest first. It makes the first key, and the next one when the current
// is 30 days old; of many instances that do so at once, one wins.
func (k *Keyring) SigningKeys(ctx context.Context) ([]authn.SigningKey, error) {
	now := k.clock.Now()
	keys, err := k.read(ctx, now)
	if err != nil {
		return nil, err
	}
	switch current := currentKey(keys); {
	case current == nil:
		err = k.first(ctx, now)
	case !now.Before(current.ActiveFrom.Add(keySignsFor)):
		if err = k.replace(ctx, current.KID, now, audit.Job); err != nil {
			// The old key is as good as ever; only its age grows.
			k.log.WarnContext(ctx, "the signing key could not be replaced; the old one stays in use", "error", err)
			return keys, nil
		}
	default:
		return keys, nil
	}
	if err != nil {
		return nil, err
	}
	return k.read(ctx, now)
}

// Rotate makes a new signing key now. It signs from two minutes on; tokens of the old ones stay good until they expire.
func (k *Keyring) Rotate(ctx context.Context) error {
	keys, err := k.SigningKeys(ctx)
	if err != nil {
		return err
	}
	current := currentKey(keys)
	if current == nil {
		return errors.New("rotate the signing keys: none is current")
	}
	return k.replace(ctx, current.KID, k.clock.Now(), audit.Operator)
}

func currentKey(keys []authn.SigningKey) *authn.SigningKey {
	for i := range keys {
		if keys[i].RetiredAt == nil {
			return &keys[i]
		}
	}
	return nil
}

func (k *Keyring) read(ctx context.Context, now time.Time) ([]authn.SigningKey, error) {
	rows, err := pg.All[sealedKey](ctx, k.db, sqlSigningKeys, now.Add(-keyVerifiesFor))
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	keys := make([]authn.SigningKey, 0, len(rows))
	for _, row := range rows {
		secret, err := k.aead.Open(nil, nil, row.Sealed, []byte(row.KID))
		if err != nil {
			return nil, fmt.Errorf("open signing key %s: the secret key is not the one it was sealed under: %w", row.KID, err)
		}
		keys = append(keys, authn.SigningKey{KID: row.KID, Secret: secret, ActiveFrom: row.ActiveFrom, RetiredAt: row.RetiredAt})
	}
	return keys, nil
}

// first makes the key that signs at once: no other instance can have signed with another.
func (k *Keyring) first(ctx context.Context, now time.Time) error {
	return k.db.InTx(ctx, func(tx pgx.Tx) error {
		kid, made, err := k.insert(ctx, tx, now, now)
		if err != nil || !made {
			return err
		}
		return k.record(ctx, tx, now, audit.Job, "", kid)
	})
}

// replace retires the key and adds its successor, unless another instance was faster.
func (k *Keyring) replace(ctx context.Context, kid string, now time.Time, actor audit.Actor) error {
	err := k.db.InTx(ctx, func(tx pgx.Tx) error {
		var live int
		if err := tx.QueryRow(ctx, sqlCountSigningKeys, now.Add(-keyVerifiesFor)).Scan(&live); err != nil {
			return err
		}
		if live >= maxLiveKeys {
			return ErrTooManySigningKeys
		}
		from := now.Add(keyLeadTime)
		var retired time.Time
		err := tx.QueryRow(ctx, sqlRetireSigningKey, kid, from).Scan(&retired)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		successor, _, err := k.insert(ctx, tx, retired, now)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDropSigningKeys, now.Add(-keyVerifiesFor)); err != nil {
			return err
		}
		return k.record(ctx, tx, now, actor, kid, successor)
	})
	if err != nil {
		return fmt.Errorf("replace signing key %s: %w", kid, err)
	}
	return nil
}

func (k *Keyring) insert(ctx context.Context, tx pgx.Tx, from, now time.Time) (kid string, made bool, err error) {
	kid = k.ids.Secret(12)
	sealed := k.aead.Seal(nil, nil, k.ids.Bytes(secretBytes), []byte(kid))
	tag, err := tx.Exec(ctx, sqlInsertSigningKey, kid, sealed, from, now)
	if err != nil {
		return "", false, fmt.Errorf("add a signing key: %w", err)
	}
	return kid, tag.RowsAffected() == 1, nil
}

func (k *Keyring) record(ctx context.Context, tx pgx.Tx, now time.Time, actor audit.Actor, before, after string) error {
	e := audit.Event{ID: k.ids.ID(), Actor: actor, Action: "signing_key.created", ObjectType: "signing_key", ObjectID: uuid.Nil,
		After: map[string]string{"kid": after}, At: now}
	if before != "" {
		e.Before = map[string]string{"kid": before}
	}
	return audit.Write(ctx, tx, e)
}

type sealedKey struct {
	KID        string     `db:"kid"`
	Sealed     []byte     `db:"sealed"`
	ActiveFrom time.Time  `db:"active_from"`
	RetiredAt  *time.Time `db:"retired_at"`
}

const sqlSigningKeys = `
SELECT kid, sealed, active_from, retired_at
FROM signing_keys
WHERE retired_at IS NULL OR retired_at > $1
ORDER BY active_from DESC, kid
LIMIT 64`

const sqlCountSigningKeys = `
SELECT count(*) FROM signing_keys WHERE retired_at IS NULL OR retired_at > $1`

// Which key signs is never in doubt: the old one until the moment at which the new one begins.
const sqlRetireSigningKey = `
UPDATE signing_keys
SET retired_at = greatest(active_from, $2)
WHERE kid = $1 AND retired_at IS NULL
RETURNING retired_at`

const sqlInsertSigningKey = `
INSERT INTO signing_keys (kid, sealed, active_from, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT ((true)) WHERE retired_at IS NULL DO NOTHING`

const sqlDropSigningKeys = `
DELETE FROM signing_keys WHERE retired_at <= $1`
