package mctr

import "github.com/opencontainers/runtime-spec/specs-go"

// An Adjustment is an isolator's answer to Prepare: the part of the OCI runtime
// spec that it wants, and nothing that acts. The containerizer merges the
// adjustments in table order. Slices add up; a single value is claimed, and a
// second isolator that claims it too is an error that names both.
type Adjustment struct {
	Spec specs.Spec

	// Volumes are mounts that the user asked for. They stand in the place of mounts of
	// a Spec with the same destination. All mounts are ordered by the depth of their
	// destination, so that none hides another; masks come last.
	Volumes []specs.Mount

	// Ports are those of the host that lead to the container. The supervisor binds them, so
	// that no other process takes them, before the container is created.
	Ports []Port

	// Watch asks for Watch to be called as long as the container runs, also when the process
	// that launched it leaves. Without it, Watch is called where a process stays anyway.
	Watch bool
}
