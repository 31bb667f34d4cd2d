package libcontainer

import (
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// placeholderProcess is the process of a container whose config.json has none, which the
// specification demands at start only (runtime.md, "Start"). It holds the namespaces for
// execs and never executes anything, for start refuses such a container. Its command is
// one that is there in every container with a /proc, since init looks for it at create.
func placeholderProcess(s *specs.Spec) (*specs.Process, error) {
	if !slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return path.Clean(m.Destination) == "/proc" }) {
		return nil, fmt.Errorf("%w: config.json has no process, and mounts no /proc, "+
			"without which a container's init cannot wait for none: add one of them", mctr.ErrInvalid)
	}
	return &specs.Process{Args: []string{"/proc/self/exe"}, Cwd: "/"}, nil
}
