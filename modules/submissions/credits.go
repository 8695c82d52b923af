package submissions

import "credlane/app/kit/exact"

// credits are what the questions of a submission earned, as they are stored: numerator and denominator of each in turn, in the
// version's order; 0, 0 where there is no answer. nil while it is not scored.
type credits []int32

// credits puts the credit of each answer in the place of its question.
func (k *marking) credits(answers []storedAnswer, earned []exact.Fraction) credits {
	c := make(credits, 2*len(k.source.Questions))
	for i, a := range answers {
		if at, found := k.index[a.QuestionID]; found && a.Answer != nil {
			c[2*at], c[2*at+1] = int32(earned[i].Num), int32(earned[i].Den) // of at most as many as there are options
		}
	}
	return c
}

// of gives the credit of the question at a place in the version, and whether it has an answer.
func (c credits) of(place int) (credit exact.Fraction, answered bool) {
	if 2*place+1 >= len(c) || c[2*place+1] == 0 {
		return exact.Nothing(), false
	}
	return exact.Fraction{Num: int64(c[2*place]), Den: int64(c[2*place+1])}, true
}
