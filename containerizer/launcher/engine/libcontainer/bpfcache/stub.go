//go:build !cgo || !seccomp

package bpfcache

import (
	"os"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// Argument makes a run of this executable a compiler where libseccomp is linked.
const Argument = "seccomp-compile"

// Compile fails without libseccomp.
func Compile() { os.Exit(1) }

// Open caches nothing without libseccomp.
func Open(string, *configs.Seccomp) (*os.File, error) { return nil, nil }

// Receive does nothing without libseccomp.
func Receive() {}
