// Package bind makes the bind mounts of volumes that are directories or files on the host. It works
// on data: it creates nothing.
package bind

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

var (
	propagations = []string{"private", "rprivate", "slave", "rslave", "shared", "rshared"}

	options = slices.Concat([]string{"bind", "rbind"}, propagations, []string{
		"exec", "noexec", "suid", "nosuid", "dev", "nodev", "noatime", "relatime",
	})
)

// CheckOptions refuses options that a bind mount lacks. The error wraps mctr.ErrInvalid.
func CheckOptions(v mctr.Volume) error {
	for _, o := range v.Options {
		if !slices.Contains(options, o) {
			return fmt.Errorf("%w: volumes.options of %s:%s: unknown option %q (one of %s)", mctr.ErrInvalid,
				v.Source, v.Target, o, strings.Join(options, ", "))
		}
	}
	return nil
}

// Mount returns the mount of source, a path on the host, for v. As docker does, it includes mounts below
// the source, unless the options exclude them, and a read-only mount makes these read-only too.
func Mount(v mctr.Volume, source string) specs.Mount {
	o, readOnly := slices.Clone(v.Options), "ro"
	if !slices.Contains(o, "bind") {
		readOnly = "rro"
		if !slices.Contains(o, "rbind") {
			o = append(o, "rbind")
		}
	}
	if !slices.ContainsFunc(o, func(s string) bool { return slices.Contains(propagations, s) }) {
		o = append(o, "rprivate")
	}
	if v.ReadOnly {
		o = append(o, readOnly)
	}
	return specs.Mount{Destination: filepath.Clean(v.Target), Type: "bind", Source: source, Options: o}
}
