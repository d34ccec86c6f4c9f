.DEFAULT_GOAL := help
.PHONY: help test lint fuzz e2e lab generate cover

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## Run every check and test that this machine allows, and say what was skipped
	@scripts/test.sh

lint: ## Run the linters
	@scripts/lint.sh

FUZZTIME ?= 30s
fuzz: ## Fuzz every target for FUZZTIME (30s)
	@scripts/fuzz.sh $(FUZZTIME)

e2e: ## Run the quickstart against a real OpenTelemetry Collector (Linux)
	@cd internal/e2e && ../../scripts/gotest.sh -count=1 -timeout=20m ./...

lab: ## Compare with real container runtimes, installed by apt where root (Linux)
	@cd internal/lab && ../../scripts/gotest.sh -count=1 -timeout=20m ./...

generate: ## Rewrite what is made from the code: tables of the documents, dashboards, rules
	go generate ./...
	cd internal/dashboards && go generate ./...

cover: ## Measure how much of the code the tests reach, into cover.out
	go test -coverpkg=./internal/...,./otelresource/... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1
