package invites

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Person is somebody to invite, as it was asked for.
type Person struct {
	Email            string
	Name             string
	ExtraTimePercent int
	Reason           string // why the extra time; may be empty
}

const unreadable = -1 // an extra time that is no number: judged as out of its range

// ReadList reads people out of a text that was pasted or saved from a spreadsheet: a table whose header names its columns, or
// lines of addresses with or without a name. What is no address is given back as it stands, for whoever judges it.
func ReadList(text string) ([]Person, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\n \t"), "\n")
	for _, delimiter := range []rune{',', ';', '\t'} {
		if header := headerOf(strings.Split(first, string(delimiter))); header != nil {
			return readTable(text, delimiter, header)
		}
	}
	var people []Person
	for line := range strings.SplitSeq(text, "\n") {
		people = append(people, readLine(line)...)
		if len(people) > MaxAtOnce {
			return nil, ErrTooMany
		}
	}
	return people, nil
}

// headings are the names of columns, as they are written without case, spaces, - and _.
var headings = map[string]string{
	"email": "email", "mail": "email", "emailaddress": "email", "address": "email", "candidateemail": "email",
	"name": "name", "fullname": "name", "candidate": "name", "candidatename": "name",
	"firstname": "first", "givenname": "first", "lastname": "last", "surname": "last", "familyname": "last",
	"extratime": "extra", "extratimepercent": "extra", "reason": "reason", "extratimereason": "reason",
}

// headerOf gives the place of each known column; nil when the cells are no header with a column of addresses.
func headerOf(cells []string) map[string]int {
	header := map[string]int{}
	for i, cell := range cells {
		name := headings[strings.NewReplacer(" ", "", "-", "", "_", "", `"`, "").Replace(strings.ToLower(strings.TrimSpace(cell)))]
		if _, twice := header[name]; name != "" && !twice {
			header[name] = i
		}
	}
	if _, ok := header["email"]; !ok {
		return nil
	}
	return header
}

func readTable(text string, delimiter rune, header map[string]int) ([]Person, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = delimiter, -1, true, true
	var people []Person
	for row := 0; ; row++ {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		if err != nil {
			return nil, invalid("body.list", "The table cannot be read. Check its quotation marks.").Because(err)
		}
		if row == 0 || strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue
		}
		if len(people) == MaxAtOnce {
			return nil, ErrTooMany
		}
		cell := func(name string) string {
			if i, ok := header[name]; ok && i < len(cells) { // spreadsheets drop trailing empty cells
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		p := Person{Email: shown(cell("email")), Name: cell("name"), Reason: cell("reason"), ExtraTimePercent: percent(cell("extra"))}
		if p.Name == "" {
			p.Name = strings.TrimSpace(cell("first") + " " + cell("last"))
		}
		people = append(people, p)
	}
}

// percent reads "25" and "25 %"; nothing is none.
func percent(text string) int {
	text = strings.TrimSpace(strings.TrimSuffix(text, "%"))
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return unreadable
	}
	return n
}

// readLine reads `a@b`, `Name <a@b>`, `a@b, Name`, `Name; a@b` and any number of addresses beside each other.
func readLine(line string) []Person {
	var people []Person
	var loose []string // what stands beside the addresses
	for _, piece := range pieces(line) {
		if !strings.Contains(piece, "@") {
			loose = append(loose, piece)
			continue
		}
		p := Person{Email: piece}
		if name, rest, ok := strings.Cut(piece, "<"); ok && strings.HasSuffix(rest, ">") {
			p.Name, p.Email = unquoted(name), strings.TrimSpace(strings.TrimSuffix(rest, ">"))
		}
		p.Email = shown(p.Email)
		people = append(people, p)
	}
	if len(people) != 1 { // whose name a loose word is, nobody can tell
		for _, word := range loose {
			people = append(people, Person{Email: shown(word)})
		}
		return people
	}
	var words []string
	for _, word := range loose {
		if digits := strings.TrimSpace(strings.TrimSuffix(word, "%")); strings.Trim(digits, "0123456789") == "" && digits != "" {
			people[0].ExtraTimePercent = percent(word)
		} else {
			words = append(words, unquoted(word))
		}
	}
	if people[0].Name == "" {
		people[0].Name = strings.Join(words, " ")
	}
	return people
}

// pieces takes a line apart at commas, semicolons and tabs that stand outside of quotation marks and angle brackets.
func pieces(line string) []string {
	var list []string
	quoted, inside, from := false, false, 0
	take := func(to int) {
		if piece := strings.TrimSpace(line[from:to]); piece != "" {
			list = append(list, piece)
		}
	}
	for i, r := range line {
		switch r {
		case '"':
			quoted = !quoted
		case '<':
			inside = true
		case '>':
			inside = false
		case ',', ';', '\t':
			if !quoted && !inside {
				take(i)
				from = i + 1
			}
		}
	}
	take(len(line))
	return list
}

func unquoted(text string) string {
	return strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"`))
}

// shown is what is said back of an address that may be anything: not more than its beginning, on one line.
func shown(text string) string {
	const longest = 300
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) <= longest {
		return text
	}
	text = text[:longest]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}
