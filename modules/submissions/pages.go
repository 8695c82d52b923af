package submissions

import "time"

// Check gives every reason why nobody can start like this, before anything else is done: ErrCandidate, ErrConsent, each with its
// fields.
func (in Start) Check() error { return in.tidy().check() }

// TokenExpires is when the token of this attempt opens nothing any more.
func (s Sitting) TokenExpires() time.Time { return s.Receipt.DeadlineAt.Add(tokenLife) }
