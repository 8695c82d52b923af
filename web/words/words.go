// Package words is the catalogue of everything that candidates read, and how one of its texts is said in a reader's language.
//
// en.json maps keys to texts. A text holds {name} where a value comes, and may have forms: "one" where the value n is 1, "other"
// for the rest.
package words

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed en.json
var english []byte

// Text is one entry: a text, or its forms by number.
type Text struct {
	One   string // "" unless the entry has forms
	Other string
}

// UnmarshalJSON reads a text or an object of its forms.
func (t *Text) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, &t.Other)
	}
	var forms struct{ One, Other string }
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&forms); err != nil {
		return err
	}
	if forms.One == "" || forms.Other == "" {
		return fmt.Errorf("forms need one and other")
	}
	*t = Text(forms)
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads, for the scripts of the pages.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.One == "" {
		return json.Marshal(t.Other)
	}
	return json.Marshal(map[string]string{"one": t.One, "other": t.Other})
}

// Locale is a language with its texts.
type Locale struct {
	Tag string // for <html lang>
	Dir string // for <html dir>: "ltr" or "rtl"

	texts map[string]Text
	mark  func(string) string // what is said, made recognisable
	quote func(string) string // a value inside a text
}

// PseudoTag names the locale that is made from English to show which texts are not in the catalogue, and whether the pages stand
// when they run from right to left. Only who asks for this very tag gets it.
const PseudoTag = "ar-XB"

// Words are the locales that there are.
type Words struct {
	english, pseudo *Locale
}

// New reads the catalogue. It fails when that cannot be read.
func New() (*Words, error) {
	texts := map[string]Text{}
	if err := json.Unmarshal(english, &texts); err != nil {
		return nil, fmt.Errorf("the catalogue of words: %w", err)
	}
	asIs := func(s string) string { return s }
	return &Words{
		english: &Locale{Tag: "en", Dir: "ltr", texts: texts, mark: asIs, quote: asIs},
		pseudo:  &Locale{Tag: PseudoTag, Dir: "rtl", texts: texts, mark: pseudo, quote: isolate},
	}, nil
}

// All lists the locales, the usual one first.
func (w *Words) All() []*Locale { return []*Locale{w.english, w.pseudo} }

// For is the locale of a request: the first of its languages that there is, by their weights, and English otherwise.
func (w *Words) For(r *http.Request) *Locale {
	best, weight := w.english, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, q := weighed(part)
		if l := w.find(tag); l != nil && q > weight {
			best, weight = l, q
		}
	}
	return best
}

func (w *Words) find(tag string) *Locale {
	switch language, _, _ := strings.Cut(strings.ToLower(tag), "-"); {
	case strings.EqualFold(tag, PseudoTag):
		return w.pseudo
	case language == "en":
		return w.english
	}
	return nil
}

// weighed cuts a language range into its tag and weight (RFC 9110, 12.4.2); one that cannot be read weighs nothing.
func weighed(part string) (tag string, q float64) {
	tag, parameter, weighted := strings.Cut(strings.TrimSpace(part), ";")
	if !weighted {
		return tag, 1
	}
	q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "q="), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return tag, 0
	}
	return strings.TrimSpace(tag), q
}

// T says the text of a key, with names and values in turn. The value of n chooses the form. What is not in the catalogue, or
// lacks a value, is a mistake of the program and panics: a page's template makes an error of that.
func (l *Locale) T(key string, pairs ...any) string {
	entry, found := l.texts[key]
	if !found {
		panic("words: the catalogue lacks " + key)
	}
	values := valuesOf(pairs)
	return l.mark(l.fill(key, entry.form(values), values))
}

// H is T as HTML: the text and its values are escaped, but for values that are HTML already.
func (l *Locale) H(key string, pairs ...any) template.HTML {
	safe := make([]any, len(pairs))
	for i, v := range pairs {
		if html, is := v.(template.HTML); is {
			safe[i] = string(html)
			continue
		}
		safe[i] = template.HTMLEscapeString(fmt.Sprint(v))
	}
	entry, found := l.texts[key]
	if !found {
		panic("words: the catalogue lacks " + key)
	}
	values := valuesOf(safe)
	return template.HTML(l.mark(l.fill(key, template.HTMLEscapeString(entry.form(values)), values)))
}

func valuesOf(pairs []any) map[string]string {
	values := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		values[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	return values
}

// form is the text that fits the number.
func (t Text) form(values map[string]string) string {
	if t.One != "" && values["n"] == "1" {
		return t.One
	}
	return t.Other
}

// fill puts the values in their places.
func (l *Locale) fill(key, text string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		value, given := values[name]
		if !closed || !given {
			panic("words: " + key + " was said without its " + name)
		}
		b.WriteString(l.quote(value))
		text = after
	}
}

// Under gives the texts whose keys begin with one of the prefixes and a dot, for a script, which fills in the values itself.
func (l *Locale) Under(prefixes ...string) map[string]Text {
	texts := map[string]Text{}
	for key, t := range l.texts {
		for _, p := range prefixes {
			if strings.HasPrefix(key, p+".") {
				t.Other = l.mark(t.Other)
				if t.One != "" {
					t.One = l.mark(t.One)
				}
				texts[key] = t
			}
		}
	}
	return texts
}

// Funcs are for the templates of this locale: t says a text, h says one around values that are HTML.
func (l *Locale) Funcs() template.FuncMap {
	return template.FuncMap{"t": l.T, "h": l.H}
}

// The marks of the pseudo-locale. Between them the text is made to run from right to left, letters and all.
const (
	MarkOpen  = "⟦"
	MarkClose = "⟧"

	rightToLeft = "\u202e"
	asBefore    = "\u202c"
	isolated    = "\u2068"
	rejoined    = "\u2069"
)

func pseudo(s string) string { return MarkOpen + rightToLeft + s + asBefore + MarkClose }

// isolate keeps a value's direction to itself.
func isolate(s string) string { return isolated + s + rejoined }
