package app

import (
	"context"

	"github.com/google/uuid"

	"credlane/modules/activity"
)

// callings lend the feed what people and things are called.
type callings struct{ of *App }

func (c callings) Members(ctx context.Context, employer uuid.UUID, users, keys []uuid.UUID) (map[uuid.UUID]string, error) {
	return c.of.accounts.Names(ctx, employer, users, keys)
}

func (c callings) Assessments(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	return c.of.assessments.Titles(ctx, employer, ids)
}

func (c callings) Submissions(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]activity.Submission, error) {
	list, err := c.of.submissions.Shown(ctx, employer, ids)
	found := make(map[uuid.UUID]activity.Submission, len(list))
	for _, s := range list {
		found[s.ID] = activity.Submission{AssessmentID: s.AssessmentID, Name: s.Name, Score: s.Score}
	}
	return found, err
}

func (c callings) Invites(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]activity.Invite, error) {
	list, err := c.of.invites.Shown(ctx, employer, ids)
	found := make(map[uuid.UUID]activity.Invite, len(list))
	for _, i := range list {
		found[i.ID] = activity.Invite{AssessmentID: i.AssessmentID, Name: i.Name}
	}
	return found, err
}
