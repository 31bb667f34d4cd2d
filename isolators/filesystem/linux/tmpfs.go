package linux

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// flags are the options of a tmpfs that have no value (mount(8)).
var flags = []string{
	"exec", "noexec", "suid", "nosuid", "dev", "nodev", "atime", "noatime", "relatime", "strictatime", "diratime",
	"nodiratime", "sync", "async", "noswap", "inode32", "inode64", "private", "rprivate", "slave", "rslave", "shared",
	"rshared",
}

// values are the options of tmpfs(5) that have a value. Each function reports whether a value is
// valid.
var values = map[string]func(string) bool{
	"size": isSize, "nr_blocks": isSize, "nr_inodes": isSize,
	"mode": func(s string) bool { n, err := strconv.ParseUint(s, 8, 32); return err == nil && n <= 0o7777 },
	"uid":  isID, "gid": isID,
	"huge": isWord, "mpol": isWord,
}

func isWord(s string) bool { return s != "" }

func isID(s string) bool { _, err := strconv.ParseUint(s, 10, 32); return err == nil }

// isSize reports whether s is a number, optionally with a unit of k, v, g or %.
func isSize(s string) bool {
	_, err := strconv.ParseUint(strings.TrimRight(s, "kKmMgG%"), 10, 63)
	return err == nil && len(s)-len(strings.TrimRight(s, "kKmMgG%")) <= 1
}

// checkTmpfs checks the options, because the kernel's error does not name the option.
func checkTmpfs(v mctr.Volume) error {
	if v.Type != mctr.VolumeTmpfs {
		return nil
	}
	if v.Source != "" && v.Source != "tmpfs" {
		return fmt.Errorf("%w: volumes.source %q: a tmpfs has no source (target %s)", mctr.ErrInvalid, v.Source,
			v.Target)
	}
	for _, o := range v.Options {
		name, value, valued := strings.Cut(o, "=")
		valid := values[name]
		if valued && (valid == nil || !valid(value)) || !valued && !slices.Contains(flags, o) {
			return fmt.Errorf(
				"%w: volumes.options of the tmpfs at %s: %q is not an option of tmpfs (size=64m, mode=1777, uid=, "+
					"gid=, nr_inodes=, exec, ...)",
				mctr.ErrInvalid, v.Target, o)
		}
	}
	return nil
}

// tmpfs returns the mount with docker's default options. An option of the user replaces its
// opposite.
func tmpfs(v mctr.Volume) specs.Mount {
	var options []string
	for _, o := range []string{"noexec", "nosuid", "nodev"} {
		if !slices.Contains(v.Options, strings.TrimPrefix(o, "no")) {
			options = append(options, o)
		}
	}
	options = append(options, v.Options...)
	if !slices.ContainsFunc(v.Options, func(o string) bool { return slices.Contains(propagations, o) }) {
		options = append(options, "rprivate")
	}
	if v.ReadOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Destination: filepath.Clean(v.Target), Type: "tmpfs", Source: "tmpfs", Options: options}
}

var propagations = []string{"private", "rprivate", "slave", "rslave", "shared", "rshared"}
