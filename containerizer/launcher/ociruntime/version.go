package ociruntime

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func (r *runtime) version() {
	fmt.Fprintf(r.stdout, "mctr-oci version %s\nspec: %s\ngo: %s\n", version(), specs.Version, goruntime.Version())
	if major, minor, micro := seccomp.Version(); major+minor+micro > 0 {
		fmt.Fprintf(r.stdout, "libseccomp: %d.%d.%d\n", major, minor, micro)
	}
}

// version is the module's, as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "development"
}
