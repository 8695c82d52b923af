package submissions

import (
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/rest"
)

func TestEachOptionIsCountedForTheQuestionThatIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	v := choicePaper(d.version.EmployerID, d.version.AssessmentID, 40, []int{2, 5})
	v.Number = 2
	d.add(v)
	all := chosen(t, v, 60, [][]int{{1, 5}, {2, 5}, {2, 0}, {2, 1}, {3, 5}, {0, 0}})
	all[5].status, all[5].answers = InProgress, all[0].answers // who is still at it counts nowhere
	d.seat(all)
	for place, want := range [][]int{{1, 3, 1, 0, 0}, {1, 0, 0, 0, 3}} {
		asked := v.Questions[place]
		sum := get[ResultsSummary](d, asViewer, d.assessmentPath()+"/results"+query("choices", asked.ID.String()))
		for i, item := range sum.Items {
			if i != place {
				if len(item.Choices) > 0 {
					t.Errorf("question %d has choices though nobody asked: %v", i, item.Choices)
				}
				continue
			}
			for o, c := range item.Choices {
				right := o+1 == []int{2, 5}[place]
				if c.Answer != asked.Options[o].ID.String() || c.Text != asked.Options[o].Text || c.Count != want[o] || c.Right != right {
					t.Errorf("question %d, option %d: %+v, want %d", i, o+1, c, want[o])
				}
			}
		}
	}
	for _, elsewhere := range []struct {
		key      string
		question uuid.UUID
	}{{asOther, v.Questions[0].ID}, {asViewer, uuid.New()}} {
		if list, err := d.module.Choices(d.as(elsewhere.key), v.AssessmentID, 0, elsewhere.question); err != nil || list != nil {
			t.Errorf("%s: %v, %v", elsewhere.key, list, err)
		}
	}
}
