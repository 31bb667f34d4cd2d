package oci

import (
	"errors"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// placeholderProcess is the process of a container whose config.json has none, which the
// specification demands at start only (runtime.md, "Start"). It holds the namespaces for
// execs and never executes anything, for start refuses such a container. Its command is
// one that is there in every container with a /proc, since init looks for it at create.
func placeholderProcess(s *specs.Spec) (*specs.Process, error) {
	if !slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return path.Clean(m.Destination) == "/proc" }) {
		return nil, errors.New("config.json has no process, and mounts no /proc, " +
			"without which a container's init cannot wait for none: add one of them")
	}
	return &specs.Process{Args: []string{"/proc/self/exe"}, Cwd: "/"}, nil
}

// defaultPath is for an exec in a container without a process, whose environment it would
// have otherwise.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
