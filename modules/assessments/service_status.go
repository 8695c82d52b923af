package assessments

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// Close stops new starts and gives the slot back; submissions under way run on. Closing a closed one changes nothing.
// Errors: ErrNotPublished, ErrArchived.
func (s *Service) Close(ctx context.Context, id uuid.UUID) (Assessment, error) {
	return s.move(ctx, id, Closed, "assessment.closed", func(from Status) error { return leavable(from) })
}

// Reopen opens a closed assessment again with its current version, and takes a slot. Reopening an active one changes nothing.
// Errors: ErrNotPublished, ErrArchived, ErrActiveLimit.
func (s *Service) Reopen(ctx context.Context, id uuid.UUID) (Assessment, error) {
	return s.move(ctx, id, Active, "assessment.reopened", func(from Status) error { return leavable(from) })
}

// Archive puts an assessment away for good, an active one closed; its results stay. Archiving twice changes nothing.
func (s *Service) Archive(ctx context.Context, id uuid.UUID) (Assessment, error) {
	return s.move(ctx, id, Archived, "assessment.archived", func(Status) error { return nil })
}

func leavable(from Status) error {
	switch from {
	case Draft:
		return ErrNotPublished
	case Archived:
		return ErrArchived
	}
	return nil
}

func (s *Service) move(ctx context.Context, id uuid.UUID, to Status, action string, may func(from Status) error) (Assessment, error) {
	return s.change(ctx, id, func(tx pgx.Tx, a Assessment) error {
		if a.Status == to {
			return nil
		}
		if err := may(a.Status); err != nil {
			return err
		}
		now := s.clock.Now()
		if err := setStatus(ctx, tx, id, to, now); err != nil {
			return err
		}
		if a.Status == Active { // an active one that is archived is closed by it
			if err := s.events.AnnounceTx(ctx, tx, employerOf(ctx), id, now, EventClosed); err != nil {
				return fmt.Errorf("announce %s: %w", EventClosed, err)
			}
		}
		return s.record(ctx, tx, action, id, map[string]any{"status": a.Status}, map[string]any{"status": to})
	})
}

// Release shows candidates their results from now on, as policy says; "" keeps the policy, and means score where it was
// none. A release that stands already changes nothing. Errors: ErrNotPublished.
//
// Elsewhere a release policy without a time means: as soon as a candidate has submitted.
func (s *Service) Release(ctx context.Context, id uuid.UUID, policy Release) (Assessment, error) {
	return s.change(ctx, id, func(tx pgx.Tx, a Assessment) error {
		if a.CurrentVersion == nil {
			return ErrNotPublished
		}
		b, now := a, s.clock.Now()
		switch {
		case policy != "":
			b.ResultRelease = policy
		case b.ResultRelease == ReleaseNone:
			b.ResultRelease = ReleaseScore
		}
		if !b.ResultRelease.valid() || b.ResultRelease == ReleaseNone {
			return rest.ErrInvalid.WithFields(fault.Field{Location: "body.resultRelease", Message: "Choose passed, score or review."})
		}
		if b.ResultRelease == a.ResultRelease && a.ReleaseAt != nil && !a.ReleaseAt.After(now) {
			return nil
		}
		b.ReleaseAt = &now
		if err := updateAssessment(ctx, tx, employerOf(ctx), b, false, now); err != nil {
			return err
		}
		before, after := difference(a.settings(), b.settings())
		return s.record(ctx, tx, "assessment.results_released", id, before, after)
	})
}
