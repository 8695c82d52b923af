package submissions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// The layout of CSV and XLSX: one row a submission; these columns, then two for each question, "q1 answer: <prompt>" and
// "q1 points". An answer is shown as people read it: the texts of the chosen options, true or false, what was typed. Points are
// those earned, rounded to thousandths; they are empty while the submission runs and where its version lacks the question.
var fixedColumns = [...]string{
	"submission_id", "name", "email", "status", "version", "started_at", "deadline_at", "submitted_at", "time_spent_seconds",
	"points", "points_total", "score", "passing_score", "passed", "decision", "tags", "note",
}

// cell is one value of a table. Its text is exact in every kind.
type cell struct {
	text string
	kind cellKind
	at   time.Time // of a moment
}

type cellKind int

const (
	textCell   cellKind = iota // written by people: made safe before it leaves
	numberCell                 // our own
	momentCell                 // RFC 3339 in UTC
)

// promptInHeader is how much of a prompt names its column, in characters.
const promptInHeader = 80

// header is the first row.
func (s *sheet) header() []cell {
	cells := make([]cell, 0, len(fixedColumns)+2*len(s.questions))
	for _, name := range fixedColumns {
		cells = append(cells, cell{text: name})
	}
	for i, q := range s.questions {
		prompt := []rune(strings.Join(strings.Fields(q.Prompt), " "))
		if len(prompt) > promptInHeader {
			prompt = append(prompt[:promptInHeader-1:promptInHeader-1], '…')
		}
		cells = append(cells, cell{text: fmt.Sprintf("q%d answer: %s", i+1, string(prompt))}, cell{text: fmt.Sprintf("q%d points", i+1)})
	}
	return cells
}

// cells lays a submission out, over the slice of the row before.
func (s *sheet) cells(into []cell, r *exportRow) []cell {
	v := s.versions[r.VersionID]
	c := append(into[:0],
		textOf(r.ID.String()), textOf(r.Name), textOf(r.Email), textOf(string(r.Status)), wholeOf(int64(v.source.Number)),
		momentOf(&r.StartedAt), momentOf(&r.DeadlineAt), momentOf(r.SubmittedAt), spentCell(r.Entry),
		decimalOf(r.Points), decimalOf(&r.PointsTotal), decimalOf(r.Score), decimalOf(&r.PassingScore),
		passedCell(r.Passed), textOf(valueOf(r.Decision)), textOf(strings.Join(r.Tags, ", ")), textOf(r.Note))
	fixed := len(c)
	c = slices.Grow(c, 2*len(s.questions))[:fixed+2*len(s.questions)]
	clear(c[fixed:])
	if r.Status != InProgress {
		for _, q := range v.source.Questions {
			c[fixed+2*v.column[q.ID]+1] = wholeOf(0)
		}
	}
	for i, id := range r.questions {
		q, found := v.question(id)
		if !found {
			continue
		}
		at := fixed + 2*v.column[id]
		c[at] = textOf(readable(q, r.answers[i]))
		if credit, scored := r.credit(v.index[id]); scored {
			earned := earnedPoints(q.Points, credit)
			c[at+1] = decimalOf(&earned)
		}
	}
	return c
}

func textOf(s string) cell { return cell{text: s} }
func wholeOf(n int64) cell { return cell{text: strconv.FormatInt(n, 10), kind: numberCell} }
func passedCell(p *bool) cell {
	if p == nil {
		return cell{}
	}
	return textOf(strconv.FormatBool(*p))
}

func decimalOf[T exact.Points | exact.Score](v *T) cell {
	if v == nil {
		return cell{}
	}
	return cell{text: any(*v).(fmt.Stringer).String(), kind: numberCell}
}

func momentOf(at *time.Time) cell {
	if at == nil {
		return cell{}
	}
	return cell{text: at.Format(time.RFC3339Nano), kind: momentCell, at: *at}
}

func spentCell(e Entry) cell {
	if spent := e.Spent(); spent != nil {
		return wholeOf(int64(*spent / time.Second))
	}
	return cell{}
}

// readable shows a stored answer as people read it; one that does not fit its question as it is stored.
func readable(q Question, answer string) string {
	if answer == "" || answer == "null" {
		return ""
	}
	switch q.Type {
	case question.MultipleChoice:
		var ids []string
		if json.Unmarshal([]byte(answer), &ids) == nil {
			chosen := make([]string, 0, len(ids))
			for _, o := range q.Options {
				if slices.Contains(ids, o.ID.String()) {
					chosen = append(chosen, o.Text)
				}
			}
			if len(chosen) == len(ids) {
				return strings.Join(chosen, " | ")
			}
		}
	case question.TrueFalse:
		return answer
	default:
		var plain string
		if json.Unmarshal([]byte(answer), &plain) != nil {
			return answer
		}
		if q.Type != question.SingleChoice {
			return plain
		}
		for _, o := range q.Options {
			if o.ID.String() == plain {
				return o.Text
			}
		}
	}
	return answer
}
