# What mctr is built, tested and tried with. "make run" and "make test" install
# what they need on a fresh Debian.

BIN      := bin
PROGRAMS := mctr mctr-helper
STATIC   := -trimpath -tags "seccomp netgo osusergo" -ldflags '-s -w -extldflags -static'
PLAIN    := -trimpath -ldflags '-s -w'

.PHONY: build test test-long test-vm lint bench run clean

build:
	CGO_ENABLED=0 go build $(PLAIN) -o $(BIN)/ $(PROGRAMS:%=./cmd/%)
	CGO_ENABLED=1 go build $(STATIC) -o $(BIN)/ ./cmd/mctr-shim
