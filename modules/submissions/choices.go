package submissions

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

// Choice is one option of a question with how many chose it: the wrong ones that many take tell what people believe.
type Choice struct {
	Answer string `json:"answer" doc:"The option's id; true or false of a true_false."`
	Text   string `json:"text" doc:"Markdown."`
	Right  bool   `json:"right" doc:"Whether the key has it."`
	Count  int    `json:"count" doc:"How many of those who ended chose it."`
}

// One question at a time: its answers are found by their key, one look for each submission of the version.
const sqlChoices = `
SELECT c.answer, count(*) AS chosen
  FROM submissions s
  JOIN submission_answers a ON a.submission_id = s.id AND a.question_id = $4
 CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(a.answer) WHEN 'array' THEN a.answer ELSE jsonb_build_array(a.answer) END) AS c (answer)` + mine + `
   AND s.version_id = $3 AND s.submitted_at IS NOT NULL
 GROUP BY c.answer`

type picked struct {
	Answer *string `db:"answer"` // nil: cleared
	Chosen int     `db:"chosen"`
}

// Choices tells how many of those who ended chose each option of one question, in the author's order. A question that is typed,
// or is not in the version (0 for the latest), has none. Errors: ErrBusy.
func (m *Module) Choices(ctx context.Context, assessment uuid.UUID, number int, questionID uuid.UUID) ([]Choice, error) {
	employer := authn.From(ctx).EmployerID
	leave, err := m.summaries.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	id, err := versionToSumUp(ctx, m.DB, employer, assessment, optional(number))
	if noRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("choices of %s: %w", questionID, err)
	}
	v, err := m.versions.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("choices of %s: %w", questionID, err)
	}
	q, found := v.marking.question(questionID)
	list := choicesOf(q)
	if !found || len(list) == 0 {
		return nil, nil
	}
	// Whatever the key is, the same statement runs.
	rows, err := pg.All[picked](ctx, m.DB, sqlChoices, assessment, employer, id, questionID)
	if err != nil {
		return nil, fmt.Errorf("choices of %s: %w", questionID, err)
	}
	counts := make(map[string]int, len(rows))
	for _, r := range rows {
		counts[valueOf(r.Answer)] = r.Chosen
	}
	for i := range list {
		list[i].Count = counts[list[i].Answer]
	}
	return list, nil
}

// choicesOf are the options of a question, nobody counted yet.
func choicesOf(q Question) []Choice {
	var list []Choice
	for _, o := range q.Options {
		c := Choice{Answer: o.ID.String(), Text: o.Text}
		for _, right := range q.Key.OptionIDs {
			c.Right = c.Right || right == o.ID
		}
		list = append(list, c)
	}
	if q.Type == question.TrueFalse {
		for _, is := range []bool{true, false} {
			list = append(list, Choice{Answer: strconv.FormatBool(is), Text: map[bool]string{true: "True", false: "False"}[is], Right: q.Key.True == is})
		}
	}
	return list
}
