package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A fix lists the first release with a fix in each release line of a runtime, oldest line first. No
// release of an older line has the fix.
type fix struct {
	name  string
	since [][3]int
}

// knownRuntimes lists the OCI runtimes that mctr is tested with, and the vulnerabilities of their
// older releases that a hostile image or task can exploit.
var knownRuntimes = []struct {
	name  string
	fixes []fix
}{
	{"runc", []fix{
		{"CVE-2024-21626", [][3]int{{1, 1, 12}}},
		{"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", [][3]int{{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}},
		{"CVE-2026-41579", [][3]int{{1, 3, 6}, {1, 4, 3}, {1, 5, 0}}},
		{"CVE-2026-119101", [][3]int{{1, 3, 7}, {1, 4, 4}, {1, 5, 3}}},
	}},
	{"crun", []fix{
		{"CVE-2026-47766", [][3]int{{1, 28, 0}}},
	}},
}

// runtimes checks for OCI runtimes and reports those that lack known fixes.
func runtimes(Host) (found []Finding) {
	for _, r := range knownRuntimes {
		path, err := exec.LookPath(r.name)
		if err != nil {
			remedy := "apt-get install " + r.name + " (only for --runtime " + r.name + ")"
			found = append(found, answer("programs", r.name, err, "", Missing, remedy))
			continue
		}
		version, err := runtimeVersion(path)
		if lacks := lacking(r.fixes, version); err == nil && len(lacks) > 0 {
			err = fmt.Errorf("%s is version %s, which is older than the fixes of %s", path, version,
				strings.Join(lacks, ", "))
		}
		remedy := "a newer release, unless the distribution has patched this one (only for --runtime " + r.name + ")"
		found = append(found, answer("programs", r.name, err, path+", version "+version, Missing, remedy))
	}
	return found
}

// runtimeTime limits how long a runtime may take to report its version.
const runtimeTime = 5 * time.Second

// runtimeVersion returns the version in the first line of --version: "runc version 1.2.3+x".
func runtimeVersion(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runtimeTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	_, version, ok := strings.Cut(line, " version ")
	if !ok {
		return "", errors.New(path + " --version: no version in " + strconv.Quote(line))
	}
	return strings.TrimSpace(version), nil
}

// lacking returns the fixes that version lacks. A release candidate counts as its release; an
// unreadable version lacks all fixes.
func lacking(fixes []fix, version string) (names []string) {
	var v [3]int
	if m := release.FindStringSubmatch(version); m != nil {
		for i := range v {
			v[i], _ = strconv.Atoi(m[i+1]) // digits, or nothing for 0
		}
	}
	for _, f := range fixes {
		if !f.in(v) {
			names = append(names, f.name)
		}
	}
	return names
}

var release = regexp.MustCompile(`^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?`)

// in returns true if version is a release of a line with the fix, and not older than the fix.
func (f fix) in(version [3]int) bool {
	for _, since := range f.since {
		if slices.Equal(since[:2], version[:2]) {
			return version[2] >= since[2]
		}
	}
	newest := f.since[len(f.since)-1]
	return slices.Compare(version[:], newest[:]) > 0
}
