package assessments

import (
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// Constraints says what each constraint of this module's tables means to a user.
func Constraints() pg.Constraints {
	invalid := func(location, message string) *fault.Error {
		return rest.ErrInvalid.WithFields(fault.Field{Location: location, Message: message})
	}
	return pg.Constraints{
		"assessments_title_present":        invalid("body.title", "Give a title of 1 to 200 characters."),
		"assessments_description_length":   invalid("body.description", "Shorten this to 20000 characters."),
		"assessments_time_limit_range":     invalid("body.timeLimitMinutes", "Give between 1 and 600 minutes."),
		"assessments_passing_score_range":  invalid("body.passingScore", "Give a score between 0 and 100."),
		"assessments_result_release_known": invalid("body.resultRelease", "Choose none, passed, score or review."),
		"assessments_close_after_opening":  invalid("body.closesAt", "Let it close after it opens."),
		"assessments_active_has_version":   ErrNotPublished,
		"assessments_active_limit":         ErrActiveLimit,

		"questions_assessment_fkey":    ErrNotFound, // from the question's side; the other side cascades
		"questions_type_known":         invalid("body.type", "Choose single_choice, multiple_choice, true_false, short_text or numeric."),
		"questions_prompt_present":     invalid("body.prompt", "Write a prompt of 1 to 20000 characters."),
		"questions_points_range":       invalid("body.points", "Give the question between "+question.MinPoints.String()+" and "+question.MaxPoints.String()+" points."),
		"questions_tags_bound":         invalid("body.tags", "Give at most 20 tags."),
		"questions_difficulty_length":  invalid("body.difficulty", "Shorten this to 60 characters."),
		"questions_explanation_length": invalid("body.explanation", "Shorten this to 20000 characters."),
		"questions_credit_rule_known":  invalid("body.creditRule", "Choose exact or right_minus_wrong."),
		"questions_choice_options":     invalid("body.options", "Give a choice question between 2 and 20 options, and the others none."),
		"answer_keys_question_fkey":    ErrQuestionNotFound, // from the key's side; the other side cascades

		"assessment_versions_assessment_fkey":         ErrPublished, // from the assessment's side: it was being deleted
		"assessment_versions_question_count_positive": ErrNotReady,
		"assessment_versions_points_positive":         ErrNotReady,
	}
}

// Unreachable lists the constraints of this module's tables that no request can break: the program makes these values, or
// an earlier constraint speaks first. A violation is a fault of the program and stays an internal error.
func Unreachable() []string {
	return []string{
		"assessments_pkey", "assessments_tenant_key", "assessments_employer_fkey", "assessments_status_known",
		"assessments_slug_key", "assessments_slug_format", // 80 random bits in the one alphabet
		"questions_pkey", "questions_tenant_key", "questions_position_positive", "questions_options_list",
		"questions_one_per_position", // positions change only under the assessment's lock
		"answer_keys_one_per_question", "answer_keys_object",
		// A version is copied from rows that passed the same checks, and its number is given under the assessment's lock.
		"assessment_versions_pkey", "assessment_versions_tenant_key", "assessment_versions_of_assessment_key",
		"assessment_versions_one_per_number", "assessment_versions_number_positive", "assessment_versions_title_present",
		"assessment_versions_time_limit_range", "assessment_versions_passing_score_range",
		"version_questions_pkey", "version_questions_position_positive", "version_questions_type_known",
		"version_questions_options_list", "version_questions_points_range", "version_questions_credit_rule_known",
		"version_questions_one_per_position", "version_questions_version_fkey",
		"version_answer_keys_one_per_question", "version_answer_keys_object", "version_answer_keys_version_fkey",
		"version_answer_keys_question_fkey",
		"versions_immutable",
	}
}
