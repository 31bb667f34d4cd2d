package mctr

import "github.com/opencontainers/runtime-spec/specs-go"

// An Adjustment is an isolator's answer to Prepare: the part of the OCI runtime
// spec that it wants, and nothing that acts. The containerizer merges the
// adjustments in table order. Slices add up; a single value is claimed, and a
// second isolator that claims it too is an error that names both.
type Adjustment struct {
	Spec specs.Spec

	// Volumes are mounts that the user asked for. They replace mounts of a Spec with the
	// same destination. All mounts are ordered by the depth of their destination, so that
	// none hides another; masks come last.
	Volumes []specs.Mount

	// Groups are supplementary groups of the process, added to those of Spec.
	Groups []uint32

	// SecretEnv are variables, NAME=VALUE, that are handed to the engine in memory and recorded
	// nowhere. They replace variables of a Spec.
	SecretEnv []string

	// Ports are host ports that lead to the container. The supervisor binds them before the
	// container is created, so that no other process takes them.
	Ports []Port

	// Watch asks for the verb Watch to be called as long as the container runs, also after the
	// process that launched it has exited. Without it, Watch is called only by a process that
	// stays for another reason.
	Watch bool
}
