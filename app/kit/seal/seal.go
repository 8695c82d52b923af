// Package seal derives what stands on the secret key: values sealed in the database, link tokens and codes that no row holds in
// the clear, and keyed hashes of what is too short to be hashed plainly.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

// keyBytes is what a secret key has at least, and what each key derived from it has.
const keyBytes = 32

// Key is the secret key. It is safe for concurrent use.
type Key struct{ secret []byte }

// New takes what CREDLANE_SECRET_KEY holds, 32 bytes at least.
func New(secretKey []byte) (*Key, error) {
	if len(secretKey) < keyBytes {
		return nil, fmt.Errorf("the secret key has %d bytes; give it %d at least", len(secretKey), keyBytes)
	}
	return &Key{secretKey}, nil
}

// derive gives the key of one purpose (HKDF with SHA-256, RFC 5869), so that none is good in another's place.
func (k *Key) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.secret, nil, purpose, keyBytes)
	if err != nil { // only for more than 255 blocks
		panic(fmt.Errorf("derive a key: %w", err))
	}
	return key
}

// Sealer is authenticated encryption (AES-256-GCM, NIST SP 800-38D, random nonces) for one purpose, such as "webhook secrets v1".
func (k *Key) Sealer(purpose string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.derive("credlane " + purpose))
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	return aead, nil
}

// MAC is the keyed hash (HMAC-SHA256, RFC 2104) of data under the key of the purpose, 32 bytes.
func (k *Key) MAC(purpose string, data []byte) []byte {
	mac := hmac.New(sha256.New, k.derive("credlane mac "+purpose))
	mac.Write(data) // a hash never fails
	return mac.Sum(nil)
}

// alphabet has no look-alikes; 32 characters are 5 bits each.
const alphabet = "abcdefghjkmnpqrstuvwxyz234567890"

const tokenLength = 26

// Token is the secret of a link, 130 bits as 26 lower-case characters: the same for the same purpose, id and n, so that a link
// can be written again, and nobody without the key can make it. Store its hash (Hash) to find the row by it.
func (k *Key) Token(purpose string, id uuid.UUID, n int) string {
	sum := k.of("token "+purpose, id, n)
	token := make([]byte, tokenLength)
	for i := range token { // 26 x 5 of the 256 bits
		bit := 5 * i
		pair := uint16(sum[bit/8])<<8 | uint16(sum[bit/8+1])
		token[i] = alphabet[pair>>(11-bit%8)&31]
	}
	return string(token)
}

// Digits is a one-time code of six digits for the id. It is short: bound the tries, and store Key.MAC of it at most.
func (k *Key) Digits(purpose string, id uuid.UUID) string {
	sum := k.of("digits "+purpose, id, 0)
	// 64 bits over a million values: the bias is below 2^-44.
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(sum)%1_000_000)
}

func (k *Key) of(purpose string, id uuid.UUID, n int) []byte {
	return k.MAC(purpose, binary.BigEndian.AppendUint64(id[:], uint64(n)))
}

// Hash is what the database keeps of a token: SHA-256, which is enough for one of 128 random bits or more.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
