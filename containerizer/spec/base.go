package spec

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// version is the lowest that has what every launch needs, so that older runtimes accept an exported
// bundle: crun before 1.9 does not know newer versions.
const version = "1.0.2"

// Base returns the spec to which isolators add. cgroup is the container's own control group, relative
// to the roots of the hierarchies.
func Base(config *mctr.ContainerConfig, cgroup string) *specs.Spec {
	return &specs.Spec{
		Version:     version,
		Process:     &specs.Process{Terminal: config.Process.Terminal},
		Root:        &specs.Root{Path: "rootfs", Readonly: config.ReadOnly},
		Linux:       &specs.Linux{CgroupsPath: "/" + cgroup, Resources: &specs.LinuxResources{}},
		Annotations: config.Annotations,
	}
}

// Check returns an error unless the isolators declared a mount namespace and a command.
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
