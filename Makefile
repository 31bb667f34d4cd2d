# How mctr is built, tested and tried. "make run" and "make test" install what
# they need on a fresh Debian 12; they are run by root.

BIN    := bin
STATIC := -trimpath -tags "seccomp netgo osusergo" -ldflags '-s -w -extldflags -static'
PLAIN  := -trimpath -ldflags '-s -w'
# What is compared against, tested with and linted with, pinned.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
REVIVE      := github.com/mgechev/revive@v1.15.0
ERRORLINT   := github.com/polyfloyd/go-errorlint@v1.8.0
GCI         := github.com/daixiang0/gci@v0.14.0
FORBIDIGO   := github.com/ashanbrown/forbidigo/v2@v2.3.1

.PHONY: all build test test-fast test-long test-unit test-programs test-fuzz test-vm test-calico lint bench bench-network bench-volume run man clean install-build install-test install-calico

all: build

# The programs, side by side: each finds the others beside itself.
build:
	CGO_ENABLED=0 go build $(PLAIN) -o $(BIN)/ ./cmd/mctr ./cmd/mctr-helper ./cmd/mctr-agent ./cmd/mctr-bench ./cmd/mctr-calico ./cmd/mctr-csi ./cmd/mctr-csi-loop
	CGO_ENABLED=1 go build $(STATIC) -o $(BIN)/ ./cmd/mctr-shim
	ln -sf mctr-shim $(BIN)/mctr-oci
	internal/cniplugins/build $(BIN)/cni

# The manual pages, from what --help says.
man: build
	env -u MCTR_ROOT -u MCTR_STATE -u MCTR_CGROUP_MANAGER -u MCTR_LOG_LEVEL -u MCTR_LOG_FORMAT -u MCTR_BACKEND $(BIN)/mctr man $(BIN)/man

# Makes an image from Debian packages, pushes it to a registry on loopback,
# pulls it, runs it under limits, and shows its output, its log and its end.
run: install-build build
	internal/demo/run

# What CI runs.
test: install-test build test-unit test-programs test-fuzz test-vm test-calico

# What needs neither root nor built programs, in less than a minute; it lists what it leaves out.
test-fast:
	internal/ci/test-fast

test-unit:
	go test -race -tags seccomp -timeout 15m $$(go list ./... | grep -v /cmd/mctr$$)

# The built programs, by themselves: what they do under load is tried there.
test-programs:
	go test -race -tags seccomp -timeout 15m ./cmd/mctr

test-fuzz:
	internal/ci/fuzz 10s

# Pure cgroup v2: under a small process 1, then under systemd, which delegates.
test-vm: build
	internal/vm/tests
	internal/vm/tests --systemd './containerizer ^Test(Delegated|LaunchAndWait|GroupLimits|SystemdManager(|Ends|Fails))$$' \
		'./cmd/mctr ^Test(OCISystemd|SystemdManager)$$' './cmd/mctr-agent ^TestUnderSystemd(|Scopes)$$'

# Calico without Kubernetes, on two hosts made of namespaces. Building it takes
# some three minutes the first time.
test-calico: install-calico build
	internal/calico/build $(BIN)/calico
	cd internal/calico && go test -count=1 -timeout 4m ./...
	go test -tags calico -count=1 -run TestCalico ./cmd/mctr-bench

# What takes longer than CI may: big images, long fuzzing, many rounds.
test-long: install-test build
	MCTR_LONG=1 MCTR_TEST_DEBIAN=$$(apt-get indextargets --format '$$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$$' | head -n 1) \
		go test -race -tags seccomp -timeout 60m ./...
	internal/ci/fuzz 5m

lint:
	internal/ci/lint $(STATICCHECK) $(REVIVE) $(ERRORLINT) $(GCI) $(FORBIDIGO)

# Launches against runc and crun, interleaved: a table, and docs/launch.svg.
bench: install-test build
	go run ./benchmarks/launch -svg docs/launch.svg

# The ways of attaching containers to networks: tables, and docs/network.svg.
bench-network: install-test install-calico build
	internal/calico/build $(BIN)/calico
	$(BIN)/mctr-bench network --svg docs/network.svg

# Persistent volumes: checks and tables, and docs/volume.svg.
bench-volume: build
	$(BIN)/mctr-bench volume --rounds 10 --svg docs/volume.svg

install-build:
	internal/ci/install build

install-test:
	internal/ci/install test

install-calico:
	internal/ci/install calico

clean:
	rm -rf $(BIN)
