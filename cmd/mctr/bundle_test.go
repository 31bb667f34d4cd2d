package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// selfView prints the kernel's view of a process in a container.
const selfView = `cat /proc/self/status; echo ==; cat /proc/self/mountinfo; echo ==; cat /proc/self/limits; echo ==; cat /proc/self/cgroup; exit 6`

// TestBundleRunsUnchanged runs the unchanged bundle of a container with other runtimes, and compares
// the view of its process with the view under mctr.
func TestBundleRunsUnchanged(t *testing.T) {
	for _, runtime := range []string{"runc", "crun"} {
		t.Run(runtime, func(t *testing.T) {
			h := newHost(t)
			data := t.TempDir()
			own := h.want(6, "run", "-q", "--name", "web", "-m", "64m", "--pids-limit", "20", "--cpus", "0.5",
				"--cap-drop", "NET_RAW", "--ulimit", "nofile=100:200", "--tmpfs", "/scratch:size=1m", "-v",
				data+":/data:ro", "-u", "user", h.image, "sh", "-c", selfView)
			bundle := filepath.Join(t.TempDir(), "bundle")
			h.want(0, "bundle", "web", bundle)
			id := "mctr-test-" + runtime
			argv := []string{"prlimit", "--core=unlimited:unlimited", runtime, "--root",
				filepath.Join(t.TempDir(), "state"), "run", id}
			if runtime == "crun" && hybrid() {
				argv = append(
					[]string{"unshare", "--mount", "sh", "-c", "umount /sys/fs/cgroup/unified && exec \"$@\"", "sh"},
					argv...)
			}
			cmd := execCommand(t.Context(), argv...)
			cmd.Dir = bundle
			other := h.finish(cmd)
			if other.code != 6 {
				t.Fatalf("%s: exit code %d: %s%s", runtime, other.code, other.stdout, other.stderr)
			}
			if diff := cmp.Diff(normalised(own.stdout), normalised(other.stdout)); diff != "" {
				t.Errorf("mctr (-) and %s (+) differ:\n%s", runtime, diff)
			}
			h.want(0, "rm", "web")
		})
	}
}

// hybrid reports whether this host has controllers on both cgroup v1 and v2. crun refuses that, and
// therefore runs where v2 is hidden.
func hybrid() bool {
	data, err := os.ReadFile("/sys/fs/cgroup/unified/cgroup.controllers")
	return err == nil && len(strings.TrimSpace(string(data))) > 0
}

// exempt are the differences that are intended or do not matter.
var exempt = []struct {
	why     string
	pattern *regexp.Regexp
	by      string
}{
	{"what the process happens to use",
		regexp.MustCompile(`(?m)^(Vm|Rss|Hugetlb|voluntary|nonvoluntary|FDSize|SigQ|THP|Threads|Ngid|CoreDumping).*\n`),
		""},
	{"how many processes the engine had in the namespace before",
		regexp.MustCompile(`(?m)^(Tgid|Pid|NStgid|NSpid):.*\n`), ""},
	{"the engine's own history of signals: crun leaves SIGPIPE's disposition as it was given",
		regexp.MustCompile(`(?m)^(SigBlk|SigIgn|SigCgt|SigPnd|ShdPnd):.*\n`), ""},
	{"mitigations and processors depend on the moment and on the caller",
		regexp.MustCompile(`(?m)^(Speculation|Cpus_allowed|Mems_allowed|x86_).*\n`), ""},
	{"v2's tree of a hybrid host, which crun is not shown", regexp.MustCompile(`(?m)^0::.*\n?`), ""},
	{"an exported bundle names a control group of its own", regexp.MustCompile(`-bundle\b`), ""},
	{"mctr's engine makes the tmpfs below v1's hierarchies read-only, which others leave writable",
		regexp.MustCompile(`(?m)^.* /sys/fs/cgroup .* - tmpfs .*\n`), ""},
	{"crun gives a read-only bind the kernel's default of atime", regexp.MustCompile(`\b(rel|no)atime,?`), ""},
}

// normalised makes views comparable: it removes pids, mount ids and device numbers, which differ from
// run to run, and the type of the root, which is an overlay for mctr and a directory for the others.
func normalised(view string) map[string][]string {
	for _, e := range exempt {
		view = e.pattern.ReplaceAllString(view, e.by)
	}
	parts := strings.Split(view, "==\n")
	out := map[string][]string{}
	for i, name := range []string{"status", "mounts", "limits", "cgroup"} {
		lines := strings.Split(strings.TrimSpace(parts[i]), "\n")
		if name == "mounts" {
			lines = mountsSeen(lines)
		}
		out[name] = lines
	}
	return out
}

// mountsSeen returns the mount point, filesystem and options of each mount except the root, sorted by
// mount point.
func mountsSeen(lines []string) (mounts []string) {
	for _, line := range lines {
		before, after, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if fields[4] == "/" {
			continue
		}
		// masks: runc's null is the container's, crun's the host's, with other options
		if strings.HasPrefix(fields[4], "/proc/") {
			mounts = append(mounts, fields[4])
			continue
		}
		options := strings.Split(strings.Trim(fields[5], ","), ",")
		slices.Sort(options)
		mounts = append(mounts, fields[4]+" "+kind[0]+" "+strings.Join(options, ","))
	}
	slices.Sort(mounts)
	return slices.Compact(mounts) // a bind onto itself shows twice
}
