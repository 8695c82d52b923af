package submissions

import "credlane/app/kit/pg"

// Constraints is the table of constraint names and their faults.
func Constraints() pg.Constraints { return constraints }

// Unreachable lists the rules of this module's tables that no request can break: the service writes only what keeps them, and
// they stand against everything else that may write.
func Unreachable() []string {
	return []string{
		"submissions_pkey", "submissions_tenant_key", "submissions_candidate_fkey", "submissions_assessment_fkey", "submissions_version_fkey",
		"submissions_notice_version_positive", "submissions_session_number_positive", "submissions_status_known",
		"submissions_deadline_after_start", "submissions_submitted_after_start", "submissions_points_not_negative",
		"submissions_points_total_positive", "submissions_score_range", "submissions_passing_score_range",
		"submissions_score_when_submitted", "submissions_passed_follows_score", "submissions_credits_are_shares",
		"submissions_invite_fkey", "submissions_invite_is_a_proof",
		"submission_answers_one_per_question",
		"submission_extra_times_pkey", "submission_extra_times_submission_fkey", "submission_extra_times_giver_known",
		"voided_submissions_pkey", "voided_submissions_assessment_fkey",
		"email_codes_pkey", "email_codes_assessment_fkey", "email_codes_tries_range", "email_codes_foreign_tries_range",
		"email_codes_expire_later",
		"submission_digests_pkey", "submission_digests_employer_fkey",
	}
}
