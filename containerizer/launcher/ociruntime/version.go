package ociruntime

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func (r *runtime) version() {
	module := "development"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		module = info.Main.Version
	}
	fmt.Fprintf(r.stdout, "mctr-oci version %s\nspec: %s\ngo: %s\n", module, specs.Version, goruntime.Version())
	if major, minor, micro := seccomp.Version(); major+minor+micro > 0 {
		fmt.Fprintf(r.stdout, "libseccomp: %d.%d.%d\n", major, minor, micro)
	}
}
