package activity

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// The acts that people want to see as they happen. What else is in the trail, the settings' audit page shows.
const (
	actionInvited  = "invite.created"
	actionImported = "import.done"
)

// about is which kind of object an act's object id names.
type about int

const (
	nothing about = iota
	anAssessment
	aSubmission
	anInvite
)

// act is how one action is told.
type act struct {
	about about
	what  func(e event, o object) string
	// whose says that the sentence is about the object's person, not about who acted.
	whose bool
}

// object is what an event is about, as its owner names it.
type object struct {
	name       string
	assessment *uuid.UUID
	score      *exact.Score
}

func says(text string) func(event, object) string {
	return func(event, object) string { return text }
}

// acts is the table of what is told. It is a function because nothing here is global.
func acts() map[string]act {
	return map[string]act{
		"submission.started":   {aSubmission, says("started"), true},
		"submission.submitted": {aSubmission, scored("submitted", "scored"), true},
		"submission.expired":   {aSubmission, scored("ran out of time", "ran out of time and scored"), true},
		"submission.voided":    {aSubmission, says("deleted a submission, so that its candidate can start afresh"), false},
		"submissions.exported": {anAssessment, says("exported submissions"), false},

		actionInvited:     {anInvite, invited, false},
		"invite.opened":   {anInvite, says("opened the link"), true},
		"invite.declined": {anInvite, says("declined the invite"), true},
		"invite.revoked":  {anInvite, revoked, false},

		"assessment.created":          {anAssessment, says("created an assessment"), false},
		"assessment.duplicated":       {anAssessment, says("made a copy of an assessment"), false},
		"assessment.published":        {anAssessment, published, false},
		"assessment.closed":           {anAssessment, says("closed the assessment"), false},
		"assessment.reopened":         {anAssessment, says("opened the assessment again"), false},
		"assessment.archived":         {anAssessment, says("archived the assessment"), false},
		"assessment.deleted":          {anAssessment, says("deleted a draft"), false},
		"assessment.results_released": {anAssessment, says("released results"), false},
		actionImported:                {nothing, imported, false},

		"webhook.disabled": {nothing, says("A webhook was switched off because it failed for days"), true},
		"member.added":     {nothing, says("joined the organization"), false},
	}
}

// told lists the actions of acts.
func told() []string {
	all := acts()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	return names
}

func scored(without, with string) func(event, object) string {
	return func(_ event, o object) string {
		if o.score == nil {
			return without
		}
		return with + " " + o.score.String() + "%"
	}
}

func invited(e event, _ object) string {
	if e.count == 1 {
		return "invited 1 person"
	}
	return fmt.Sprintf("invited %d people", e.count)
}

func revoked(_ event, o object) string {
	if o.name == "" {
		return "revoked an invite"
	}
	return "revoked the invite of " + o.name
}

func published(e event, _ object) string {
	if n := e.kept().Version; n > 0 {
		return fmt.Sprintf("published version %d", n)
	}
	return "published a version"
}

func imported(e event, _ object) string {
	switch n := e.kept().Accepted; n {
	case 0:
		return "imported questions"
	case 1:
		return "imported 1 question"
	default:
		return fmt.Sprintf("imported %d questions", n)
	}
}

// kept is what of an event's own words is told.
type kept struct {
	Version      int        `json:"version"`
	Accepted     int        `json:"accepted"`
	AssessmentID *uuid.UUID `json:"assessmentId"`
}

// kept reads what the event keeps; one that was written otherwise in its time keeps nothing that is told.
func (e event) kept() (k kept) {
	if len(e.After) == 0 {
		return k
	}
	if err := json.Unmarshal(e.After, &k); err != nil {
		return kept{}
	}
	return k
}

// tell words events of one employer, in their order. Names are asked for once for all of them.
func (m *Module) tell(ctx context.Context, employer uuid.UUID, events []event) ([]Item, error) {
	n, err := m.names(ctx, employer, events)
	if err != nil {
		return nil, err
	}
	table := acts()
	items := make([]Item, len(events))
	for i, e := range events {
		items[i] = n.item(e, table[e.Action])
	}
	return items, nil
}

// names is what the things and people of a list of events are called.
type names struct {
	people      map[uuid.UUID]string
	assessments map[uuid.UUID]string
	submissions map[uuid.UUID]Submission
	invites     map[uuid.UUID]Invite
}

func (m *Module) names(ctx context.Context, employer uuid.UUID, events []event) (n names, err error) {
	var users, keys, submissions, invites, assessments []uuid.UUID
	table := acts()
	for _, e := range events {
		if e.ActorID != nil && e.ActorKind == "member" {
			users = append(users, *e.ActorID)
		}
		if e.ActorID != nil && e.ActorKind == "api_key" {
			keys = append(keys, *e.ActorID)
		}
		if id := e.kept().AssessmentID; id != nil {
			assessments = append(assessments, *id)
		}
		if e.ObjectID == nil {
			continue
		}
		switch table[e.Action].about {
		case aSubmission:
			submissions = append(submissions, *e.ObjectID)
		case anInvite:
			invites = append(invites, *e.ObjectID)
		case anAssessment:
			assessments = append(assessments, *e.ObjectID)
		}
	}
	if n.people, err = m.Names.Members(ctx, employer, users, keys); err != nil {
		return n, err
	}
	if n.submissions, err = m.Names.Submissions(ctx, employer, submissions); err != nil {
		return n, err
	}
	if n.invites, err = m.Names.Invites(ctx, employer, invites); err != nil {
		return n, err
	}
	for _, s := range n.submissions {
		assessments = append(assessments, s.AssessmentID)
	}
	for _, i := range n.invites {
		assessments = append(assessments, i.AssessmentID)
	}
	n.assessments, err = m.Names.Assessments(ctx, employer, assessments)
	return n, err
}

const someone = "Someone" // whose name is gone with them

func (n names) item(e event, a act) Item {
	o := n.object(e, a.about)
	i := Item{ID: e.ID, At: e.At, Action: e.Action, ActorKind: e.ActorKind, ActorID: e.ActorID, What: a.what(e, o), Count: e.count, Score: o.score}
	if a.about == aSubmission {
		i.SubmissionID = e.ObjectID
	}
	if o.assessment != nil {
		i.AssessmentID, i.Assessment = o.assessment, n.assessments[*o.assessment]
		if i.Assessment == "" {
			i.AssessmentID = nil // nothing to go to
		}
	}
	switch {
	case a.whose && a.about == nothing:
	case a.whose:
		i.Who = orSomeone(o.name)
	default:
		i.Who = n.actor(e)
	}
	return i
}

// actor names who acted.
func (n names) actor(e event) string {
	switch {
	case e.ActorKind == "operator":
		return "The operator"
	case e.ActorKind == "job":
		return "CredLane"
	case e.ActorID != nil:
		return orSomeone(n.people[*e.ActorID])
	}
	return someone
}

func orSomeone(name string) string {
	if name == "" {
		return someone
	}
	return name
}

func (n names) object(e event, a about) (o object) {
	if a == nothing || e.ObjectID == nil {
		o.assessment = e.kept().AssessmentID
		return o
	}
	switch a {
	case anAssessment:
		o.assessment = e.ObjectID
	case aSubmission:
		if s, ok := n.submissions[*e.ObjectID]; ok {
			o = object{s.Name, &s.AssessmentID, nil}
			if e.Action != "submission.started" {
				o.score = s.Score
			}
		}
	case anInvite:
		if i, ok := n.invites[*e.ObjectID]; ok {
			o = object{i.Name, &i.AssessmentID, nil}
		}
	}
	return o
}
