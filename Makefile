.DEFAULT_GOAL := help
.PHONY: help test bench lint api fuzz e2e soak demo lab lab-capture generate cover

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## Run every check and test that this machine allows, and say what was skipped
	@scripts/test.sh

bench: ## Compare costs with the kernel's floor and with other libraries (Linux)
	@mkdir -p docs
	@cd internal/bench && go run . -out ../../docs/benchmarks.md -readme ../../README.md

lint: ## Run the linters
	@scripts/lint.sh

api: ## Compare the exported names with the newest release
	@scripts/api.sh

FUZZTIME ?= 30s
fuzz: ## Fuzz every target for FUZZTIME (30s)
	@scripts/fuzz.sh $(FUZZTIME)

e2e: ## Run the whole way to a real Collector, a metrics database and a browser (Linux)
	@cd internal/e2e && ../../scripts/gotest.sh -count=1 -timeout=20m ./... -args -backend

demo: ## Run an example under load with all that, and print the address to open (Linux)
	@cd internal/e2e && mkdir -p ../../.cache/e2e && go test -c -o ../../.cache/e2e/e2e.test .
	@cd internal/e2e && exec ../../.cache/e2e/e2e.test -test.run='^TestDemo$$' -test.timeout=0 -demo

DURATION ?= 30m
soak: ## Run the stress test with the race detector, then the pipeline under load and faults into soak.md, each for DURATION (30m) (Linux)
	@go test -race -count=1 -timeout=0 -run '^TestStressConcurrentSafe$$' -v ./otelresource -stress.duration=$(DURATION)
	@cd internal/e2e && go test -count=1 -timeout=0 -run '^TestSoak$$' -v . -soak.duration=$(DURATION) -soak.report=$(CURDIR)/soak.md

lab: ## Compare with real kernels and container runtimes, installed by apt where root (Linux), into docs/lab.md
	@cd internal/lab && go run ./matrix -o ../../docs/lab.md -- -count=1 -timeout=90m .

CAPTURES ?= otelresource/testdata/lab
lab-capture: ## Write fake roots of the containers in the lab's machines into CAPTURES
	@mkdir -p "$(CAPTURES)" && cd internal/lab && LAB_CAPTURE="$(abspath $(CAPTURES))" go run ./matrix -- -count=1 -timeout=60m -run=TestGuests .

generate: ## Rewrite what is made from the code: tables of the documents, dashboards, rules
	go generate ./...
	cd internal/dashboards && go generate ./...

cover: ## Measure how much of the code the tests reach, into cover.out
	go test -coverpkg=./internal/...,./otelresource/... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1
