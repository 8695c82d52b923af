# Every path here is relative: make cuts names at spaces, and this folder's own path may have one.
SHELL := /bin/sh
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK := v0.8.2
GOVULNCHECK := v1.9.0
BENCHFLAGS ?=
DEMOFLAGS ?=
# Folders are in it too: one whose file was taken away is newer than what was built.
WEB := $(shell find web/src -not -name '.*') web/build.mjs web/entries.mjs web/package.json

.DEFAULT_GOAL := help
.PHONY: help run demo build web test screenshots fuzz bench lint fmt vuln tools postgres node chromium openapi clean

help: ## list what make can do
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)$$/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: postgres build ## start CredLane on its own Postgres at http://localhost:8080
	@exec ./bin/credlane serve --log-format text

demo: postgres build ## the same with an example employer, three assessments and 250 candidates
	@./bin/credlane demo --log-format text $(DEMOFLAGS)
	@exec ./bin/credlane serve --log-format text

build: web ## make bin/credlane
	@command -v go >/dev/null || { echo "Go is missing. Install Go 1.26 or newer from https://go.dev/dl" >&2; exit 1; }
	@go build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o bin/credlane ./app/cmd/credlane

web: node web/dist/manifest.json ## build the pages' styles and scripts

web/dist/manifest.json: web/node_modules/.package-lock.json $(WEB)
	@node web/build.mjs

web/node_modules/.package-lock.json: web/package-lock.json
	@npm ci --prefix web --ignore-scripts --no-audit --no-fund --silent
	@touch $@

test: postgres chromium build ## run every test, each on a real database, and the pages in a real browser
	@go test -timeout 15m ./...
	@node --test --test-reporter=spec web/test/*.test.mjs
	@node --test --test-reporter=spec --test-concurrency=2 web/e2e/*.test.mjs

screenshots: postgres chromium build ## write every page and state, light and dark, wide and narrow, to screenshots
	@node web/e2e/screenshots.mjs

fuzz: ## fuzz every fuzz target, a minute altogether
	@.ci/fuzz 60

bench: postgres web ## measure against bare Postgres and bare Echo on this machine
	@go run -buildvcs=false ./app/bench $(BENCHFLAGS)

lint: tools ## gofmt, go vet and staticcheck
	@out=$$(gofmt -l app configs migrations modules web) && test -z "$$out" || { echo "gofmt: run make fmt for" $$out >&2; exit 1; }
	@go vet ./...
	@./bin/tools/staticcheck-$(STATICCHECK) ./...

fmt: ## format the code
	@gofmt -w app configs migrations modules web

vuln: ## look for known vulnerabilities (asks the Go vulnerability database)
	@go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./...

tools: postgres node chromium ## install what is missing: Postgres, Node, a browser, and the linter
	@.ci/tools staticcheck $(STATICCHECK)

postgres node chromium:
	@.ci/tools $@

openapi: ## print the OpenAPI document
	@go run -buildvcs=false ./app/cmd/credlane openapi

clean: ## remove what make built
	@rm -rf bin web/node_modules
	@find web/dist -type f ! -name .keep -delete
