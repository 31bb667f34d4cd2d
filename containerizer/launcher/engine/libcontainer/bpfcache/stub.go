//go:build !cgo || !seccomp

package bpfcache

import (
	"os"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// Argument makes this executable compile a profile, if libseccomp is linked.
const Argument = "seccomp-compile"

// Compile fails because libseccomp is not linked.
func Compile() { os.Exit(1) }

// Open caches nothing because libseccomp is not linked.
func Open(string, *configs.Seccomp) (*os.File, error) { return nil, nil }

// Receive does nothing because libseccomp is not linked.
func Receive() {}
