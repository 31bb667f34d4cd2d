package libcontainer

import (
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// placeholderProcess returns the process of a container whose config.json has none, which the
// specification requires only at start (runtime.md, "Start"). It keeps the namespaces alive for
// execs, and never executes a command because Start refuses such a container. Its command must
// exist all the same, because init looks for it at create; /proc/self/exe exists in every container
// with a /proc.
func placeholderProcess(s *specs.Spec) (*specs.Process, error) {
	if !slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return path.Clean(m.Destination) == "/proc" }) {
		return nil, fmt.Errorf("%w: config.json has no process, and mounts no /proc, "+
			"which the init of a container without a process needs: add one of them", mctr.ErrInvalid)
	}
	return &specs.Process{Args: []string{"/proc/self/exe"}, Cwd: "/"}, nil
}
