// Package web is what the pages stand on: the built assets, the templates, Markdown, and how a page is answered.
//
// The employer's pages are in web/dashboard and the candidate's in web/candidate, both over the modules' services.
package web

import "embed"

//go:embed templates
var templates embed.FS
