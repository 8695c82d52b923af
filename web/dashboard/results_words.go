package dashboard

import (
	"fmt"
	"strconv"
	"strings"

	"credlane/app/kit/exact"
)

// flagWords say in one line what a flag means and what to do.
func flagWords(flag string) string {
	switch flag {
	case keyFlag:
		return "Strong candidates miss it more often. Check the answer key."
	case "low_discrimination":
		return "Hardly tells strong candidates from others. Read the question again."
	case "too_easy":
		return "Too easy to tell people apart."
	case "too_hard":
		return "Almost nobody gets it. Check the answer key, or make it easier."
	}
	return "Needs a look."
}

// The bounds of what the figures are said to mean: of p, the share of its points that people earned, and of the correlation of
// a question with the rest of the test (Ebel's bands).
const (
	easy, middling, hard = 0.85, 0.6, 0.4
	good, fair           = 0.3, 0.1
)

// reading says what the two figures of a question mean.
func reading(p, apart *float64) string {
	if p == nil {
		return ""
	}
	said := "Most people miss it"
	switch {
	case *p >= easy:
		said = "Nearly everybody gets it"
	case *p >= middling:
		said = "Most people get it"
	case *p >= hard:
		said = "About half get it"
	}
	switch {
	case apart == nil:
		return said + "."
	case *apart >= good:
		return said + ", and it tells people apart well."
	case *apart >= fair:
		return said + ", and it tells people apart somewhat."
	}
	return said + "."
}

// trust says what the reliability of the whole test means (bounds as they are taught: Nunnally, Psychometric Theory, 1978).
func trust(alpha *float64) string {
	switch {
	case alpha == nil:
		return "Reliability cannot be told: it takes at least two questions and people whose scores differ."
	case *alpha >= 0.9:
		return "The questions agree with each other very well: a score says much about a person."
	case *alpha >= 0.8:
		return "The questions agree with each other well: scores can be relied on to compare people."
	case *alpha >= 0.7:
		return "The questions agree with each other well enough to compare people, together with other evidence."
	}
	return "The questions agree with each other little: scores close to each other, or to the pass mark, may be chance. Look at the questions that need it, or ask more of them."
}

// Reliability is alpha with two decimals, "" where it is undefined.
func (p *resultsPage) Reliability() string {
	return strings.TrimPrefix(signed(p.Summary.Analysis.Alpha), "+")
}

// precision says how far a score may be off.
func precision(sem *float64, total exact.Points) string {
	if sem == nil {
		return ""
	}
	return fmt.Sprintf("Two people in three would score within %s of %s points of this on another day.", strconv.FormatFloat(*sem, 'f', 1, 64), total)
}
