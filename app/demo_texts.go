package app

import (
	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/modules/assessments"
)

func figure(prompt, value, tolerance string) assessments.NewQuestion {
	must := func(text string) exact.Decimal {
		d, err := exact.ParseDecimal(text)
		if err != nil {
			panic(err) // written in this file
		}
		return d
	}
	return assessments.NewQuestion{Type: question.Numeric, Prompt: prompt, Points: exact.WholePoints(1),
		Key: &assessments.NewKey{Value: must(value), Tolerance: must(tolerance), ToleranceKind: question.Absolute}}
}

var demoTests = []demoTest{
	{
		title: "Backend engineer: first screen", minutes: 30, shuffle: true, release: assessments.ReleaseScore,
		description: "HTTP, SQL and a little Go. No tricks: it asks what you would meet in your first month here.",
		questions: []assessments.NewQuestion{
			one("Which status says that a resource was created?", 1, "200", "201", "204", "302"),
			truth("A GET request should change nothing on the server.", true),
			one("Which SQL clause filters groups?", 2, "WHERE", "GROUP BY", "HAVING", "ORDER BY"),
			short("Which keyword starts a goroutine in Go?", "go"),
			several("Which of these HTTP methods are idempotent?", []int{0, 2, 3}, "GET", "POST", "PUT", "DELETE"),
			figure("A service answers 1,200 requests a second with 8 workers. How many does one worker answer?", "150", "0"),
			one("What does an index cost?", 3, "Nothing", "Reads become slower", "Rows become smaller", "Writes become slower"),
			truth("Two rows of a table with a unique index may both hold NULL in its column in Postgres.", true),
			one("Which isolation level lets a statement see rows that were committed after the transaction began?", 0,
				"Read committed", "Repeatable read", "Serializable", "None of them"),
			several("What makes a retry safe?", []int{0, 1}, "An idempotency key", "A unique constraint", "A longer timeout", "A bigger pool"),
			figure("A cache hit takes 2 ms, a miss 52 ms, and 90 % are hits. What is the mean, in ms?", "7", "0.01"),
			short("Which HTTP header names the version of a resource that a client has seen, for a conditional update?", "If-Match", "if match"),
		},
	},
	{
		title: "Data analyst: reading numbers", minutes: 25, shuffle: false, release: assessments.ReleasePassed,
		description: "Reading tables and drawing careful conclusions.",
		questions: []assessments.NewQuestion{
			figure("Sales went from 80 to 100. By how many percent did they grow?", "25", "0"),
			one("Which figure is least moved by one very large value?", 1, "Mean", "Median", "Range", "Variance"),
			truth("If two things correlate, one of them causes the other.", false),
			figure("What is the median of 3, 9, 4, 7 and 5?", "5", "0"),
			one("A test is positive for 99 % of the sick and 5 % of the healthy; 1 % are sick. About how many of the positives are sick?", 0,
				"17 %", "50 %", "95 %", "99 %"),
			several("Which charts fit shares of a whole?", []int{0, 2}, "Stacked bar", "Scatter plot", "Pie chart", "Line chart"),
			short("Which SQL function counts rows?", "count", "count(*)"),
			one("Which join keeps every row of the left table?", 2, "INNER JOIN", "CROSS JOIN", "LEFT JOIN", "RIGHT JOIN"),
			figure("The average of four numbers is 12; three of them are 10, 11 and 12. What is the fourth?", "15", "0"),
			truth("A larger sample makes a biased sample fair.", false),
		},
	},
	{
		title: "Customer support: tone and judgement", minutes: 20, shuffle: true, release: assessments.ReleaseNone,
		description: "Short situations from a normal day.",
		questions: []assessments.NewQuestion{
			one("A customer writes in anger about a delay that is our fault. What comes first?", 0,
				"An apology and what happens next", "The terms of delivery", "A question about the order number only", "A voucher"),
			truth("A refund should be promised before it is checked whether it is possible.", false),
			one("Which subject line helps most?", 3, "Re: Re: Re:", "Important!", "Your request", "Your robot arm ships on Friday"),
			several("What belongs in a handover to a colleague?", []int{0, 1, 3}, "What the customer wants", "What was promised",
				"What you think of the customer", "What was tried"),
			short("Which word names the time within which we promise a first answer: response ...?", "time"),
			figure("You have 36 tickets and solve 8 an hour. How many hours do you need?", "4.5", "0"),
			truth("A question that comes up every day deserves a help page.", true),
			one("A customer sends a password in a mail. What do you do?", 1, "Store it in the ticket", "Ask them to change it",
				"Try whether it works", "Ignore it"),
		},
	},
}

var demoNames = []string{"Amara", "Bela", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jun", "Katarzyna", "Liam",
	"Mei", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf"}

var demoFamilies = []string{"Lindqvist", "Okafor", "Marchetti", "Novák", "Haddad", "Suzuki", "Fernández", "Iyer", "Dubois", "Kowalska",
	"O'Brien", "Nguyen"}
