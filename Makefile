# All that can be done here. Needed: Go and make.

APPS    := $(notdir $(wildcard apps/*))
# Every module of ours, as go.work lists them.
MODULES := $(shell go work edit -json | sed -n 's/.*"DiskPath": "\.\/\(.*\)".*/\1/p')
ALL     := $(MODULES:%=./%/...)
# Nothing needs C but the race detector: so all else is built once, whether there is
# a C compiler or not.
export CGO_ENABLED := 0
RACE    := $(if $(shell command -v "$$(go env CC)"),CGO_ENABLED=1 go test -race,go test)

.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Running

run: .bin/local ## start everything on this machine; ctrl-C stops it; COMPONENTS=… for another set than local, OBSERVE=1 to see inside
	@.bin/local run $(if $(OBSERVE),-observe) $(if $(COMPONENTS),-components $(COMPONENTS))

broker: .bin/local build ## start the broker alone, for `dapr run -f .` with a Dapr of your own
	@.bin/local broker

demo: .bin/local ## one order of each fate, as timelines, against what `make run` started; WAIT=25m, RESUME=…
	@.bin/local demo $(if $(WAIT),-wait $(WAIT)) $(if $(RESUME),-resume $(RESUME))

clean-data: .bin/local ## forget all conferences, orders and messages
	@.bin/local clean-data

## Building

build: ## build the apps into .bin/apps
	@mkdir -p .bin/apps .data
	go build -o .bin/apps/ $(APPS:%=./apps/%)

images: ## container images into .bin/images; ARCH="amd64 arm64" TAG=…; REGISTRY=… names and pushes them
	go run ./tools/images $(if $(ARCH),-arch "$(ARCH)") $(if $(TAG),-tag $(TAG)) $(if $(REGISTRY),-repository $(REGISTRY) -push)

dapr: .bin/local ## find or build the parts of Dapr
	@.bin/local dapr

generate: ## make again what is generated: what follows from topology.yaml, schemas, the HTTP API, the chart's components and README
	go run ./tools/topology
	go run ./tools/schemas
	go test ./apps/web/gateway -run OpenAPI -update
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart run .

check-generated: ## make generate, which must not change anything
	@there() { git diff; git ls-files -o --exclude-standard; }; \
	before=$$(there | git hash-object --stdin) && $(MAKE) --no-print-directory generate && \
	if [ "$$before" != "$$(there | git hash-object --stdin)" ]; then \
		git --no-pager diff --stat; git ls-files -o --exclude-standard; echo 'What is generated was not up to date: make generate.'; exit 1; \
	fi

fmt: .bin/golangci-lint ## format the code
	.bin/golangci-lint fmt $(ALL)

clean: ## delete what was built (not the data)
	rm -rf .bin .dapr

## Checking

test: ## all tests, the cheap ones first, with the time that each part took; goes on past a part that fails, and says what it left out
	@failed=; left=$$(mktemp); \
	for part in test-docs test-unit test-property dapr test-conformance test-e2e; do \
		began=$$(date +%s); printf '\n--- %s\n' $$part; \
		PLENARY_LEFT_OUT=$$left $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
		printf -- '--- %s: %d s\n' $$part $$(($$(date +%s) - began)); \
	done; \
	if [ -s $$left ]; then printf '\nNOT RUN, for want of a program, with how to have it:\n'; sort -u $$left; fi; \
	rm -f $$left; \
	if [ -n "$$failed" ]; then printf '\nFAILED:%s\n' "$$failed"; exit 1; fi

test-docs: ## that the documents say what is true: tests, links, settings
	go test -count=1 ./tests/docs

test-unit: ## the tests of each module but those below, with the race detector
	$(RACE) -timeout 30m $(filter-out ./tests/...,$(ALL)) ./tests/components ./tests/harness ./tests/rush ./tests/telemetry ./tests/kubernetes/cluster

test-conformance: .bin/local ## the engine's ports and its self-check on the real Dapr
	$(RACE) -count=1 ./tests/conformance/... ./tests/selfcheck

test-property: ## the aggregates and the process together, under any delivery; RUNS=… for more than 10000
	go test -timeout 12h ./tests/property/... $(if $(RUNS),-args -rapid.checks=$(RUNS))

test-components: .bin/local ## conformance and end to end on all component sets, or on SETS="redis …"; SKIP=… leaves tests out; with all of them, writes docs/component-sets.md
	CI=true go test -count=1 ./apps/query/... # the query's suite on each of its databases: one that is missing is a failure
	go run ./tests/components $(if $(SETS),-sets "$(SETS)") $(if $(SKIP),-skip "$(SKIP)")

axe: ## fetch axe-core for the browser tests, by npm and a lock file
	@mkdir -p .bin/browser && cp tests/browser/package*.json .bin/browser/
	cd .bin/browser && npm ci --ignore-scripts --no-audit --no-fund

test-browser: ## the pages in a real Chromium, with axe-core (make axe); left out where there is none
	go test -count=1 -timeout 30m ./tests/browser

screenshots: ## pictures of the pages for the README, into docs/images
	@mkdir -p docs/images
	go test -count=1 ./tests/browser -run TestPictures -args -pictures $(CURDIR)/docs/images

test-chart: ## the chart: lint, schemas of every profile, and what it makes of values
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart test -count=1 .

image-age: ## how long ago newer images of the chart's own Redis and PostgreSQL were looked for; fails when that is too long
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart run . age

test-e2e: .bin/local ## the whole system on the real Dapr and broker
	$(RACE) -count=1 -timeout 40m ./tests/e2e/...

test-observe: .bin/local ## alerts, dashboards and traces: by themselves, then of a running system
	go test -count=1 -p 1 -timeout 30m ./tests/alerts ./tests/observe

fuzz: .bin/local ## REQUESTS=20000 right and wrong requests of every operation, from the API's description; SEED=1 for others
	go test -v -count=1 -timeout 3h -run TestNoRequestBreaksTheAPI ./tests/e2e -args -fuzz-requests=$(or $(REQUESTS),20000) -fuzz-seed=$(or $(SEED),1)

test-failures: .bin/local ## ORDERS=500 orders while parts are killed, stopped and restarted, on the component set SET=local
	PLENARY_COMPONENTS=$(or $(SET),local) PLENARY_ORDERS=$(or $(ORDERS),500) go test -v -count=1 -timeout 3h -run NothingIsLost ./tests/e2e

test-rolling: .bin/local ## two builds, one with an event type and a field more, rolled over each other under load, back and forth, on SETS="local redis rabbitmq-postgres"
	@for set in $(or $(SETS),local redis rabbitmq-postgres); do \
		PLENARY_COMPONENTS=$$set go test -v -count=1 -timeout 30m ./tests/rolling || exit 1; \
	done

test-kubernetes: ## the chart on a cluster: KUBECONFIG, or PLENARY_CLUSTER (tests/kubernetes/README.md); ORDERS=5000 ROUNDS=2
	go test -count=1 ./tests/kubernetes/cluster ./tests/kubernetes/debian
	go test -count=1 -timeout 3h -v ./tests/kubernetes -args $(if $(ORDERS),-orders=$(ORDERS)) $(if $(ROUNDS),-rounds=$(ROUNDS)) \
		$(if $(REPOSITORY),-repository=$(REPOSITORY))

bench: .bin/local ## what a long stream costs against a short one, in memory and on the real Dapr
	go test -run '^$$' -bench . -benchtime 3000x ./engine/stream
	go test -run '^$$' -bench . -benchtime 300x ./tests/conformance

load: ## place ORDERS=2000 orders as fast as the API takes them, while `make run` runs; PAID=1 pays each
	go run ./tests/load -orders $(or $(ORDERS),2000) $(if $(PAID),-paid)

memory: .bin/local ## what order, registration-process and query take while ORDERS=100000 are paid, in a system of its own, limited as in a pod
	go run ./tests/memory $(if $(ORDERS),-orders $(ORDERS))

load-shares: ## the same on a system of its own, beside the classic ceiling and the floor: report in .data/load; COMPARE=result.json of an earlier one
	go run ./tests/load -shares -orders $(or $(ORDERS),2000) $(if $(PAID),-paid) $(if $(COMPARE),-compare $(COMPARE))

lint: .bin/golangci-lint ## vet and lint
	go vet $(ALL)
	.bin/golangci-lint run $(ALL)

ci: ## everything that continuous integration does
	.ci/run

# Go knows what has changed.
.bin/local: FORCE
	@mkdir -p .bin
	@go build -o $@ ./tools/local

.bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/lint build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: axe test-browser screenshots FORCE help run broker demo clean-data build images dapr generate check-generated fmt clean \
	test test-docs test-unit test-conformance test-property test-components image-age test-e2e fuzz test-observe test-failures test-kubernetes bench load load-shares lint ci
FORCE:
