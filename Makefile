# Everything you can do here. You need Go and make.

APPS    := $(notdir $(wildcard apps/*))
# Our modules, from go.work.
MODULES := $(shell go work edit -json | sed -n 's/.*"DiskPath": "\.\/\(.*\)".*/\1/p')
ALL     := $(MODULES:%=./%/...)
# Only the race detector needs C. Everything else is built without, so that it is
# compiled once, with or without a C compiler.
export CGO_ENABLED := 0
RACE    := $(if $(shell command -v "$$(go env CC)"),CGO_ENABLED=1 go test -race,go test)

.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Running

run: .bin/local ## start everything on this machine, until ctrl-C; COMPONENTS=… selects another component set, OBSERVE=1 adds traces and metrics
	@.bin/local run $(if $(OBSERVE),-observe) $(if $(COMPONENTS),-components $(COMPONENTS))

broker: .bin/local build ## start only the broker, for `dapr run -f .` with an installed Dapr
	@.bin/local broker

demo: .bin/local ## drive one order to every outcome on the running system and print its timeline; WAIT=25m, RESUME=…
	@.bin/local demo $(if $(WAIT),-wait $(WAIT)) $(if $(RESUME),-resume $(RESUME))

clean-data: .bin/local ## delete all conferences, orders and messages
	@.bin/local clean-data

## Building

build: ## build the apps into .bin/apps
	@mkdir -p .bin/apps .data
	go build -o .bin/apps/ $(APPS:%=./apps/%)

images: ## build container images into .bin/images; ARCH="amd64 arm64", TAG=…; REGISTRY=… names and pushes them
	go run ./tools/images $(if $(ARCH),-arch "$(ARCH)") $(if $(TAG),-tag $(TAG)) $(if $(REGISTRY),-repository $(REGISTRY) -push)

dapr: .bin/local ## find or build Dapr's programs
	@.bin/local dapr

generate: ## regenerate all generated files: from topology.yaml, the messages' schemas, the HTTP API, the chart's components and README
	go run ./tools/topology
	go run ./tools/schemas
	go test ./apps/web/gateway -run OpenAPI -update
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart run .

check-generated: ## check that make generate changes nothing
	@there() { git diff; git ls-files -o --exclude-standard; }; \
	before=$$(there | git hash-object --stdin) && $(MAKE) --no-print-directory generate && \
	if [ "$$before" != "$$(there | git hash-object --stdin)" ]; then \
		git --no-pager diff --stat; git ls-files -o --exclude-standard; echo 'Generated files were out of date. Run make generate and commit the result.'; exit 1; \
	fi

fmt: .bin/golangci-lint ## format the code
	.bin/golangci-lint fmt $(ALL)

clean: ## delete all build results, but not the data
	rm -rf .bin .dapr

## Checking

test: ## run all tests, fastest first; continues after a failed part and lists what it left out
	@failed=; left=$$(mktemp); \
	for part in test-docs test-unit test-property dapr test-conformance test-e2e; do \
		began=$$(date +%s); printf '\n--- %s\n' $$part; \
		PLENARY_LEFT_OUT=$$left $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
		printf -- '--- %s: %d s\n' $$part $$(($$(date +%s) - began)); \
	done; \
	if [ -s $$left ]; then printf '\nNOT RUN because a program is missing, with how to install it:\n'; sort -u $$left; fi; \
	rm -f $$left; \
	if [ -n "$$failed" ]; then printf '\nFAILED:%s\n' "$$failed"; exit 1; fi

test-docs: ## check what the documents say: tests, links, settings
	go test -count=1 ./tests/docs

test-unit: ## the unit tests of all modules, with the race detector if there is a C compiler
	$(RACE) -timeout 30m $(filter-out ./tests/...,$(ALL)) ./tests/components ./tests/harness ./tests/rush ./tests/telemetry ./tests/kubernetes/cluster ./tests/rolling/next
	cd tools/dapr && GOWORK=off go test ./...

test-conformance: .bin/local ## test the engine's ports and its self-check on the real Dapr
	$(RACE) -count=1 ./tests/conformance/... ./tests/selfcheck

test-property: ## test the aggregates and the process together under any order of delivery; RUNS=… sets the number of runs (10000)
	go test -timeout 12h ./tests/property/... $(if $(RUNS),-args -rapid.checks=$(RUNS))

test-components: .bin/local ## conformance and end-to-end tests on all component sets; SETS="redis …" selects some, SKIP=… skips tests; a run of all writes docs/component-sets.md
	CI=true go test -count=1 ./apps/query/... # on each of query's databases: a missing one is a failure
	go run ./tests/components $(if $(SETS),-sets "$(SETS)") $(if $(SKIP),-skip "$(SKIP)")

axe: ## install axe-core for the browser tests (npm, pinned by a lock file)
	@mkdir -p .bin/browser && cp tests/browser/package*.json .bin/browser/
	cd .bin/browser && npm ci --ignore-scripts --no-audit --no-fund

test-browser: ## test the pages in Chromium, with axe-core (make axe); skipped without Chromium
	go test -count=1 -timeout 30m ./tests/browser

screenshots: ## take the README's pictures of the pages, into docs/images
	@mkdir -p docs/images
	go test -count=1 ./tests/browser -run TestPictures -args -pictures $(CURDIR)/docs/images

test-chart: ## test the chart: lint, the schema with every profile, and the rendered manifests
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart test -count=1 .

image-age: ## how long ago newer images of the chart's own Redis and PostgreSQL were looked for; fails when that is too long
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/chart run . age

test-e2e: .bin/local ## test the whole system on the real Dapr and broker
	$(RACE) -count=1 -timeout 40m ./tests/e2e/...

test-observe: .bin/local ## test alerts, dashboards and traces: alone, then on a running system
	go test -count=1 -p 1 -timeout 30m ./tests/alerts ./tests/observe

fuzz: .bin/local ## REQUESTS=20000 right and wrong requests of every operation, from the API's description; SEED=1 for others
	go test -v -count=1 -timeout 3h -run TestNoRequestBreaksTheAPI ./tests/e2e -args -fuzz-requests=$(or $(REQUESTS),20000) -fuzz-seed=$(or $(SEED),1)

test-failures: .bin/local ## place ORDERS=500 orders while parts are killed, stopped and restarted; on the component set SET=local
	PLENARY_COMPONENTS=$(or $(SET),local) PLENARY_ORDERS=$(or $(ORDERS),500) go test -v -count=1 -timeout 3h -run NothingIsLost ./tests/e2e

test-rolling: .bin/local ## two builds, one with an event type and a field more, rolled over each other under load, back and forth, on SETS="local redis rabbitmq-postgres"
	@for set in $(or $(SETS),local redis rabbitmq-postgres); do \
		PLENARY_COMPONENTS=$$set go test -v -count=1 -timeout 30m ./tests/rolling || exit 1; \
	done

test-kubernetes: ## test the chart on a cluster, from KUBECONFIG or PLENARY_CLUSTER (tests/kubernetes/README.md); ORDERS=5000, ROUNDS=2
	go test -count=1 ./tests/kubernetes/cluster ./tests/kubernetes/debian
	go test -count=1 -timeout 3h -v ./tests/kubernetes -args $(if $(ORDERS),-orders=$(ORDERS)) $(if $(ROUNDS),-rounds=$(ROUNDS)) \
		$(if $(REPOSITORY),-repository=$(REPOSITORY))

bench: .bin/local ## compare a long stream's cost with a short one's, in memory and on the real Dapr
	go test -run '^$$' -bench . -benchtime 3000x ./engine/stream
	go test -run '^$$' -bench . -benchtime 300x ./tests/conformance

load: ## place ORDERS=2000 orders on the running system as fast as the API accepts them; PAID=1 also pays them
	go run ./tests/load -orders $(or $(ORDERS),2000) $(if $(PAID),-paid)

memory: .bin/local ## rate, disk, and the memory of order, registration-process and query while ORDERS=100000 are paid, in a system of its own, limited as in a pod; FREE=1: they are free of charge; DURING=30m: for so long instead
	go run ./tests/memory $(if $(ORDERS),-orders $(ORDERS)) $(if $(FREE),-free) $(if $(DURING),-during $(DURING) -round 5000)

load-shares: ## the same on a system of its own, beside the classic ceiling, a plain service and the floor: report in .data/load; COMPARE=result.json of an earlier one; OLD=checkout of an earlier version; PROFILES=folder for a processor profile of each app and sidecar, and nothing beside
	go run ./tests/load -shares -orders $(or $(ORDERS),2000) $(if $(PAID),-paid) $(if $(COMPARE),-compare $(COMPARE)) $(if $(OLD),-old $(OLD)) $(if $(PROFILES),-profiles $(PROFILES))

load-flash: .bin/local ## a flash sale: ORDERS=10000 contenders at once, one seat for ten of them, beside a tenth of both
	go run ./tests/load -scenario flash -orders $(or $(ORDERS),10000)

load-lapse: .bin/local ## ORDERS=20000 holds that lapse at once, since the process's app was away
	go run ./tests/load -scenario lapse -orders $(or $(ORDERS),20000)

load-replicas: .bin/local ## ORDERS=2000 with one replica of each app, and with two on the same machine; on the component set SET=redis
	PLENARY_COMPONENTS=$(or $(SET),redis) go run ./tests/load -scenario replicas -orders $(or $(ORDERS),2000)

load-conferences: .bin/local ## ORDERS=2000 of one conference, and as many of twenty at once
	go run ./tests/load -scenario conferences -orders $(or $(ORDERS),2000)

load-reads: .bin/local ## reads of an order per second at web and at query, beside state reads through a sidecar
	go run ./tests/load -scenario reads -clients 50

watchers: .bin/local ## how long pages take while WATCHERS=1000 people watch one conference sell out, in a system of its own
	go test -v -count=1 -timeout 10m ./tests/watchers -args -watchers=$(or $(WATCHERS),1000)

lint: .bin/golangci-lint ## vet and lint
	go vet $(ALL)
	.bin/golangci-lint run $(ALL)

ci: ## run everything that continuous integration runs
	.ci/run

# Go itself rebuilds only what has changed.
.bin/local: FORCE
	@mkdir -p .bin
	@go build -o $@ ./tools/local

.bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	GOWORK=off GOFLAGS=-mod=readonly go -C tools/lint build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: axe watchers test-browser screenshots FORCE help run broker demo clean-data build images dapr generate check-generated fmt clean \
	test test-docs test-unit test-conformance test-property test-components image-age test-e2e fuzz test-observe test-failures test-kubernetes bench load load-shares load-flash load-lapse load-replicas load-conferences load-reads lint ci
FORCE:
