# Every target does its own set-up on a fresh machine with Go: modules come through the Go proxy, and test needs nothing
# else. `make test` is what CI runs first; bench, fuzz, soak and lint are deeper or slower.

GO      ?= go
BIN     := bin/cloudsql
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
export CGO_ENABLED ?= 0
# One set of flags for the program, its tests and the linter: what they have in common is compiled once.
export GOFLAGS ?= -trimpath
# vet runs once, over everything; test programs are linked without what debuggers need.
TEST    := $(GO) test -vet=off -ldflags '-s -w'
# What takes longest begins first, so that the others run beside it.
LONGEST := ./sql/session ./distributed/node
# One more at a time than there are processors: the longest wait for timers and disks.
UNITS   := $(TEST) -p $$(($$(nproc) + 1))

.PHONY: build run cluster test model race lint bench fuzz check moves nodes abuse upgrade generate differential evalengine mutants soak clients clean

build: ## bin/cloudsql
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/cloudsql

run: build ## one node on its defaults, data in ./data/node
	$(BIN) start --data data/node

cluster: build ## three nodes on this machine, data in ./data/cluster
	$(BIN) cluster --data data/cluster

test: ## units of every package, SQL logic files, a three-node cluster
	$(GO) vet ./...
	$(UNITS) -timeout 9m $(LONGEST) $$($(GO) list ./... | grep -v '^cloudsql/tests')
	$(TEST) -timeout 9m -count=1 ./tests/... # they run a binary that the test cache knows nothing of

model: ## every state of the commit and the lease protocol, within bounds (docs/model.md)
	$(GO) test -count=1 -v -run "TestProtocol|TestPlantedBugs|TestConform" ./tests/model -args -full
	$(GO) test -count=1 -timeout 20m -v -run TestLeaseModel ./distributed/lease -args -full

race: ## the race detector on what is concurrent: what has only one goroutine by design is left out
	CGO_ENABLED=1 $(UNITS) -race -short -timeout 12m $(LONGEST) $$($(GO) list ./distributed/... ./protocol/... ./sql/... ./storage/shard ./storage/mvcc ./storage/metric \
		./planner/plancache ./planner/exec ./planner/spill | grep -vE 'cloudsql/(distributed/(catalog|deadlock|lease|placement)|sql/(auth|ddl|dialect))$$')

lint: ## golangci-lint, at the version that .golangci.yml was written for
	./tests/tools/lint

clients: build ## the mariadb client, mysqldump and sysbench against a real node
	./tests/clients/run

bench: build ## Go benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./storage/... ./planner/... ./protocol/... ./distributed/...

fuzz: ## every fuzz target for FUZZTIME each
	./tests/tools/fuzz $(or $(FUZZTIME),60s)

check: build ## what clients see of three processes while FAULT (kill, freeze, partition, clock, clockfar, restart, powerloss, bitflip, diskfull, slowdisk, fsyncerr, all, none) happens for TIME; SEED, WORKLOAD
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) FAULT=$(or $(FAULT),all) TIME=$(or $(TIME),10m) SEED=$(SEED) WORKLOAD=$(WORKLOAD) \
		$(GO) test -count=1 -timeout 60m -run 'TestCheck$$' -v ./tests/cluster

moves: build ## checked workloads for TIME while tablets move between shards, without faults and with kills; a table of ROWS rows in about TABLETS tablets
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) TIME=$(or $(TIME),10m) ROWS=$(ROWS) TABLETS=$(TABLETS) WORKLOAD=$(WORKLOAD) $(GO) test -count=1 -timeout 60m -run 'TestMovingTablets$$' -v ./tests/cluster

nodes: build ## five processes under load: one is drained, one is killed for good, one joins; what nodes bear is watched for TIME
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) TIME=$(or $(TIME),10m) WORKLOAD=$(or $(WORKLOAD),bank) $(GO) test -count=1 -timeout 60m -run 'TestNodesLeaveAndJoin$$' -v ./tests/cluster

abuse: build ## a node of 1 GiB that clients ask for more memory than it has, in every way known
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) $(GO) test -count=1 -timeout 20m -v ./tests/abuse -args -full

upgrade: ## a cluster of the program of commit FROM, upgraded node by node under load
	./tests/tools/upgrade $(or $(FROM),8630d07)

generate: build ## random statements of every kind for TIME, on NODES nodes from CLIENTS connections; SEED
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) TIME=$(or $(TIME),10m) NODES=$(or $(NODES),3) CLIENTS=$(or $(CLIENTS),6) SEED=$(SEED) \
		$(GO) test -count=1 -timeout 24h -run TestGenerate$$ -v ./tests/generate

differential: build ## STATEMENTS random statements on this server and on MariaDB, whose answers are compared; SEED, WORKERS, SHOW, SCRIPTS (needs mariadbd)
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) STATEMENTS=$(or $(STATEMENTS),20000) SEED=$(SEED) WORKERS=$(or $(WORKERS),1) \
		$(GO) test -count=1 -timeout 12h -parallel $(or $(WORKERS),1) -run TestDifferential -v ./tests/differential

evalengine: build ## EXPRESSIONS random expressions on this server and in Vitess's evalengine, whose values are compared; SEED
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) EXPRESSIONS=$(or $(EXPRESSIONS),20000) SEED=$(SEED) $(GO) test -count=1 -timeout 12h -run TestEvalengine -v ./tests/differential

suites: build ## other people's test files (SUITE: a directory of mysqltest's) on a node and on the server REFERENCE (a DSN); FILES, REPORT
	CLOUDSQL_BIN=$(CURDIR)/$(BIN) SUITE=$(SUITE) REFERENCE='$(REFERENCE)' FILES='$(or $(FILES),*)' REPORT=$(REPORT) \
		$(GO) test -count=1 -timeout 3h -run TestSuites -v ./tests/suites

mutants: ## rules switched off in a program built for it, which the checkers must notice
	$(GO) test -count=1 -timeout 40m -tags mutant -run "TestMutants|TestPoison" -v ./tests/cluster

soak: build ## ten rounds of kill -9 under load with the checker
	$(GO) test -count=1 -timeout 60m -tags soak -run Soak ./tests/...

clean:
	rm -rf bin data
