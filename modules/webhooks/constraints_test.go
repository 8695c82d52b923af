package webhooks

import (
	"strings"
	"testing"

	"credlane/app/kit/fault"
)

// The rules of the service and of the database are the same: each is tried here without the service.
func TestADatabaseRefusalIsWorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://hooks.example.com/", "submission.scored")
	for location, change := range map[string]func(*Endpoint){
		"body.url":         func(e *Endpoint) { e.URL = "ftp://hooks.example.com/" },
		"body.description": func(e *Endpoint) { e.Description = strings.Repeat("x", 201) },
		"body.eventTypes":  func(e *Endpoint) { e.EventTypes = []string{} },
	} {
		broken := e
		change(&broken)
		tx, err := w.db.Begin(w.ctx)
		w.must(err)
		err = updateEndpoint(w.ctx, tx, w.employer, broken)
		w.must(tx.Rollback(w.ctx))
		if f, ok := fault.As(err); !ok || len(f.Fields) != 1 || f.Fields[0].Location != location {
			t.Errorf("%s: %v", location, err)
		}
	}
}
