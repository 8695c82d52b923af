package dashboard

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
)

// touched is who changed something last, for a notice that two people did at once.
type touched struct {
	Who string    `json:"who"`
	You bool      `json:"you"` // in another tab
	At  time.Time `json:"at"`
}

// mountTouched serves who changed a question of an assessment last or, without ?q, the settings.
func (e *editor) mountTouched(h *rest.Host) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: editorPath + "/touched", ID: "part-touched", Summary: "Who changed a question or the settings last",
		Role: authn.Recruiter, Trouble: e.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		a, err := e.assessment(r)
		if err != nil {
			return err
		}
		object, action := a.ID, "assessment.updated"
		if id, err := uuid.Parse(r.URL.Query().Get("q")); err == nil {
			object, action = id, "question.updated"
		}
		last, err := e.Activity.Touched(r.Context(), object, action)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(touched{last.Who, last.You, last.At.UTC()})
	})
}
