package testbed

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// leaks finds what a testbed leaves on the machine of the test, compared with the state before:
// links with names of the testbed, mounts and processes that name its directory, control groups of
// its hosts' containers.
type leaks struct {
	dir    string
	states []string // state directories of the hosts' mctr
	before []string
}

// watchLeaks makes a directory for a test, and fails the test for everything left behind when all
// machines have ended.
func watchLeaks(t testing.TB, hosts int) *leaks {
	t.Helper()
	l := &leaks{dir: t.TempDir()}
	for i := range hosts {
		l.states = append(l.states, filepath.Join(l.dir, hostName(i), "state"))
	}
	l.before = l.existing()
	t.Cleanup(func() {
		end := time.Now().Add(5 * time.Second)
		left := l.left()
		for len(left) > 0 && time.Now().Before(end) {
			time.Sleep(50 * time.Millisecond)
			left = l.left()
		}
		for _, object := range left {
			t.Errorf("left behind: %s", object)
		}
	})
	return l
}

func (l *leaks) left() []string {
	return slices.DeleteFunc(l.existing(), func(object string) bool { return slices.Contains(l.before, object) })
}

func (l *leaks) existing() []string {
	return slices.Concat(l.processes(), l.mounts(), links(), l.controlGroups())
}

// processes lists the processes that have the directory in their arguments or environment.
func (l *leaks) processes() []string {
	var all []string
	pids, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, pid := range pids {
		args, _ := os.ReadFile(pid + "/cmdline") // if the process has exited, it is not a leak
		env, _ := os.ReadFile(pid + "/environ")
		if strings.Contains(string(args)+string(env), l.dir) {
			all = append(all, "process "+filepath.Base(pid)+" "+strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return all
}

func (l *leaks) mounts() []string {
	var all []string
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{err.Error()}
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, l.dir) {
			all = append(all, "mount "+line)
		}
	}
	return all
}

// made matches the links that a testbed makes, in its own namespaces.
var made = regexp.MustCompile(`^(br0|host[a-z]|vxlan\.calico|cali.*)$`)

func links() []string {
	var all []string
	list, err := net.Interfaces()
	if err != nil {
		return []string{err.Error()}
	}
	for _, i := range list {
		if made.MatchString(i.Name) {
			all = append(all, "link "+i.Name)
		}
	}
	return all
}

func (l *leaks) controlGroups() []string {
	var all []string
	for _, state := range l.states {
		all = append(all, controlGroups(state)...)
	}
	return all
}

// controlGroups lists the control groups of containers and supervisors of a state directory.
func controlGroups(state string) []string {
	var all []string
	for _, hierarchy := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} { // v2, v1
		paths, _ := filepath.Glob(hierarchy + groupOf(state) + "*") // the pattern is valid
		for _, path := range paths {
			all = append(all, "control group "+path)
		}
	}
	return all
}

// groupOf returns mctr's control group for all containers of a state directory.
func groupOf(state string) string {
	sum := sha256.Sum256([]byte(state))
	return "mctr-" + hex.EncodeToString(sum[:4])
}
