package web

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
)

// funcs are what every template may call.
func (p *Pages) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    p.Asset,
		"icon":     p.icon,
		"markdown": Markdown,
		"inline":   MarkdownInline,
		"when":     When,
		"ago":      p.ago,
		"dict":     dict,
		"list":     func(values ...any) []any { return values },
		"plural":   Plural,
		"lower":    strings.ToLower,
	}
}

// icon is a picture of the sprite, which says nothing to a screen reader: the words beside it do.
func (p *Pages) icon(name string) template.HTML {
	return template.HTML(`<svg class="i" width="16" height="16" aria-hidden="true" focusable="false"><use href="` +
		template.HTMLEscapeString(p.Asset("icons.svg")+"#"+name) + `"/></svg>`)
}

// When is a moment in UTC, which the script shows in the reader's own zone; a zero or nil one is nothing.
func When(at any) (template.HTML, error) {
	t, ok, err := moment(at)
	if err != nil || !ok {
		return "", err
	}
	return template.HTML(`<time data-when datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 Jan 2006, 15:04") + ` UTC</time>`), nil
}

// ago is how long ago a moment was, which the script keeps up to date.
func (p *Pages) ago(at any) (template.HTML, error) {
	t, ok, err := moment(at)
	if err != nil || !ok {
		return "", err
	}
	return template.HTML(`<time data-ago datetime="` + t.Format(time.RFC3339) + `">` + Ago(p.opt.Clock.Now().Sub(t)) + `</time>`), nil
}

func moment(at any) (t time.Time, ok bool, err error) {
	switch v := at.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v == nil {
			return t, false, nil
		}
		t = *v
	case nil:
		return t, false, nil
	default:
		return t, false, fmt.Errorf("%T is no time", at)
	}
	return t.UTC(), !t.IsZero(), nil
}

// Ago words a span that has passed, in the largest unit that it fills.
func Ago(span time.Duration) string {
	switch {
	case span < time.Minute:
		return "now"
	case span < time.Hour:
		return fmt.Sprintf("%d min", span/time.Minute)
	case span < 24*time.Hour:
		return fmt.Sprintf("%d h", span/time.Hour)
	}
	return Plural(int(span/(24*time.Hour)), "day", "days")
}

// Plural is a number with the word that fits it.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// dict makes a map out of keys and values in turn, for a part that needs several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict takes keys and values in turn")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: key %d is no text", i/2)
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// Initials stand in for a picture: the first letters or digits of the first and of the last word.
func Initials(name string) string {
	var all []rune
	for word := range strings.FieldsSeq(name) {
		for _, r := range word {
			if unicode.IsLetter(r) || unicode.IsNumber(r) {
				all = append(all, unicode.ToUpper(r))
				break
			}
		}
	}
	if len(all) > 2 {
		all = []rune{all[0], all[len(all)-1]}
	}
	return string(all)
}
