package submissions

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// ErrAssessmentNotFound is an assessment that is absent or another employer's.
var ErrAssessmentNotFound = fault.New(fault.NotFound, "assessment_not_found",
	"There is no such assessment. Check the address, or find it in the list of assessments.")

// Undecided is the filter for submissions that nobody has decided about.
const Undecided = "none"

// Filter narrows the submissions of one assessment. Its zero value takes all.
type Filter struct {
	Status   Status
	Passed   *bool
	Query    string // part of the name or the address, in any case
	Version  int    // the number
	Decision string // one of the decisions, or Undecided
	Tag      string
}

// narrow puts the filter into a statement that has unfiltered, after the arguments it has already. Only what is asked for
// gets into it: conditions that a NULL switches off would cost every list its plan.
//
// Decisions and tags have indexes of their own. The others are tried on the rows of the assessment as its index gives them;
// where nothing fits, among 200,000 scattered over a million, that took 0.1 s by status, verdict or version and 0.22 s by
// text (measured), which is no reason to make every start and hand-in write one more index, nor to want an extension.
func (f Filter) narrow(sql string, args []any) (string, []any) {
	conditions := ""
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions += "\n   AND " + strings.ReplaceAll(condition, "$n", "$"+strconv.Itoa(len(args)))
	}
	if f.Status != "" {
		add("s.status = $n", f.Status)
	}
	if f.Passed != nil {
		add("s.passed = $n", *f.Passed)
	}
	if f.Query != "" {
		add("(s.name ILIKE $n OR s.email ILIKE $n)", likePattern(f.Query))
	}
	if f.Version != 0 {
		add("s.version_id = (SELECT v.id FROM assessment_versions v WHERE v.assessment_id = $1 AND v.number = $n)", f.Version)
	}
	switch f.Decision {
	case "":
	case Undecided:
		conditions += "\n   AND s.decision IS NULL"
	default:
		add("s.decision = $n", f.Decision)
	}
	if f.Tag != "" {
		add("$n = ANY (s.tags) AND s.tags <> '{}'", f.Tag) // the latter says which index, and nothing else
	}
	if conditions == "" {
		return sql, args
	}
	return strings.Replace(sql, unfiltered, conditions, 1), args
}

func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// likePattern finds text anywhere; what LIKE would read as a wildcard stands for itself.
func likePattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// List gives a page of an assessment's submissions and the cursor of the next one, nil on the last.
// Errors: ErrAssessmentNotFound, pg.ErrCursor.
func (m *Module) List(ctx context.Context, assessment uuid.UUID, f Filter, s Sort, limit int, cursor string) ([]Entry, *string, error) {
	o, known := s.order()
	if !known {
		return nil, nil, fmt.Errorf("list submissions: unknown order %q", s)
	}
	after, err := readPlace(s, cursor)
	if err != nil {
		return nil, nil, err
	}
	employer := authn.From(ctx).EmployerID
	list, err := listSubmissions(ctx, m.DB, employer, assessment, f, o, limit+1, after)
	if err != nil {
		return nil, nil, fmt.Errorf("list submissions of %s: %w", assessment, err)
	}
	if len(list) == 0 {
		// Only an empty page leaves open whether the assessment is there: the others need no second query.
		_, err := assessmentTitle(ctx, m.DB, employer, assessment)
		return list, nil, err
	}
	if len(list) <= limit {
		return list, nil, nil
	}
	next, err := pg.EncodeCursor(placeOf(s, list[limit-1]))
	if err != nil {
		return nil, nil, fmt.Errorf("list submissions of %s: %w", assessment, err)
	}
	return list[:limit], &next, nil
}

// placeOf is where a page ends.
func placeOf(s Sort, last Entry) place {
	p := place{Sort: s, ID: last.ID}
	switch s {
	case ByScore, ByScoreDown:
		p.Score = last.Score
	case BySubmitted, BySubmittedDown:
		p.At = last.SubmittedAt
	case ByName, ByNameDown:
		p.Name = last.Name
	}
	return p
}
