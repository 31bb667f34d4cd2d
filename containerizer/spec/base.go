package spec

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// version is the least that has what every launch needs, so that older
// runtimes take an exported bundle too: crun before 1.9 knows nothing newer.
const version = "1.0.2"

// Base returns the spec that isolators add to, of a container whose own control group this is,
// relative to the hierarchies' roots.
func Base(config *mctr.ContainerConfig, cgroup string) *specs.Spec {
	return &specs.Spec{
		Version:     version,
		Process:     &specs.Process{Terminal: config.Process.Terminal},
		Root:        &specs.Root{Path: "rootfs", Readonly: config.ReadOnly},
		Linux:       &specs.Linux{CgroupsPath: "/" + cgroup, Resources: &specs.LinuxResources{}},
		Annotations: config.Annotations,
	}
}

// Check refuses a spec that is not a container's: some isolator has to declare a mount
// namespace and a command.
func Check(s *specs.Spec) error {
	mounts := slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == specs.MountNamespace
	})
	switch {
	case !mounts:
		return fmt.Errorf(
			"%w: no isolator of the table gives the container a mount namespace, as filesystem/linux does",
			mctr.ErrInvalid)
	case len(s.Process.Args) == 0:
		return fmt.Errorf("%w: no isolator of the table gives the container a command, as docker/runtime does",
			mctr.ErrInvalid)
	}
	return nil
}
