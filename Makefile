# The two commands that matter are `make demo` and `make test`; `make help`
# lists the rest. Checks in CI are these same commands.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build demo test soak bench deps generate check

GO   ?= go
ARGS ?=

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/sallyport
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/sallyport ./cmd/sallyport

demo: build ## see it work: walks the story on loopback, then keeps serving (ARGS=--once ends)
	@exec bin/sallyport demo $(ARGS)

test: ## run everything: unit, journeys on both stores, browser, real servers
	@scripts/test

soak: ## the large numbers, for hours (SOAK_KILLS=20 for fewer, SOAK_KEEP=1 writes docs/soak.md)
	$(GO) test -count=1 -tags soak -run '^TestSoak' -timeout 12h -v ./... $(ARGS)

bench: ## measure speed beside its limits and print the table
	$(GO) run ./internal/bench/run $(ARGS)

deps: ## install what the tests need (Debian-like, as root); no service is started
	@scripts/deps

generate: ## make generated code anew: pages (templ) and queries (sqlc)
	$(GO) tool -modfile=tools.mod templ generate
	$(GO) tool -modfile=tools.mod sqlc generate

check: ## format and vet; quick, before a commit
	@scripts/check
