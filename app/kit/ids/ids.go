// Package ids makes identifiers and secrets; its source of randomness comes in, so that a test can replay a session.
package ids

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
)

// Source makes ids and secrets. It is safe for concurrent use.
type Source struct {
	mu    sync.Mutex
	rand  io.Reader
	clock clock.Clock
	last  int64 // milliseconds of the last id
	seq   uint16
}

// New makes a source on the system's randomness.
func New(c clock.Clock) *Source { return NewSeeded(c, bufio.NewReaderSize(rand.Reader, 4096)) }

// NewSeeded makes a source on the given randomness: for tests that compare two runs byte by byte.
func NewSeeded(c clock.Clock, r io.Reader) *Source { return &Source{rand: r, clock: c} }

// ID is a UUIDv7 (RFC 9562): ordered by the clock, then by a 12-bit counter, then random.
func (s *Source) ID() uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var id uuid.UUID
	s.read(id[8:])
	ms := s.clock.Now().UnixMilli()
	if ms <= s.last {
		ms = s.last
		if s.seq++; s.seq > 0x0fff { // the counter is full: borrow the next millisecond, as RFC 9562 6.2 allows
			ms, s.seq = ms+1, 0
		}
	} else {
		s.seq = 0
	}
	s.last = ms
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|uint64(s.seq))
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// Random is a UUIDv4, for ids whose order must tell nothing.
func (s *Source) Random() uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var id uuid.UUID
	s.read(id[:])
	id[6] = 0x40 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// Secret is n random bytes in base64url without padding.
func (s *Source) Secret(n int) string { return base64.RawURLEncoding.EncodeToString(s.Bytes(n)) }

// Bytes is n random bytes.
func (s *Source) Bytes(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, n)
	s.read(b)
	return b
}

// Slug is 16 lower-case characters without look-alikes: 16 x 5 = 80 random bits, for links that people may read aloud.
func (s *Source) Slug() string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz234567890" // 32 characters
	b := s.Bytes(16)
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b)
}

// Shuffle permutes n things, uniformly, through swap.
func (s *Source) Shuffle(n int, swap func(i, j int)) {
	if n < 2 {
		return
	}
	b := s.Bytes(8 * n)
	for i := n - 1; i > 0; i-- {
		// 64 random bits over at most a few hundred places: the bias is below 2^-55.
		j := int(binary.BigEndian.Uint64(b[8*i:]) % uint64(i+1))
		swap(i, j)
	}
}

func (s *Source) read(b []byte) {
	if _, err := io.ReadFull(s.rand, b); err != nil {
		// Without randomness nothing here is safe; the runtime itself treats this as fatal.
		panic(fmt.Errorf("read random bytes: %w", err))
	}
}
