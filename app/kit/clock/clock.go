// Package clock hands time in, so that a test can hold it still.
package clock

import "time"

// Clock tells the time, in UTC and cut to microseconds as Postgres keeps it.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the machine's time.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// UTC is a time that may be absent, as it is shown: in UTC.
func UTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
