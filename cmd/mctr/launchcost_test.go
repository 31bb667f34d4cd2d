package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Limits for the cost of one "mctr run --rm IMAGE true" with the image in the store. benchmarks/launch
// measures times; these numbers depend on the machine only by its mounts and control groups. Each
// limit is the number on cgroup v1, which is the higher one, plus a third. With --rm the record of the
// termination is not synced.
const (
	mostSyncs     = 2    // both for the intent: config.json and its directory
	mostProcesses = 8    // 6: the shim, three of libcontainer's for the init, a probe of os/exec by each parent
	mostCalls     = 7800 // 5850: by mctr, the shim, the init and the command
	mostInits     = 115  // 85: packages in the shim, which starts twice per launch
)

// TestCostOfALaunch counts the system calls of a warm launch with strace(1).
func TestCostOfALaunch(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "--rm", "-q", h.image, "true")
	calls := h.traced("run", "--rm", "-q", h.image, "true")
	h.wantClean()
	if !calls.has("execve", "mctr-shim") || !calls.has("execve", `"true"`) {
		t.Fatal("the trace does not reach the container")
	}
	running := calls.index("write", ` running`)
	if running < 0 {
		t.Fatal("the trace does not show the checkpoint running")
	}
	if n := calls[:running].count(syncing); n > mostSyncs {
		t.Errorf("%d syncs until the container runs, at most %d", n, mostSyncs)
	}
	for _, c := range []struct {
		what string
		kind *regexp.Regexp
		most int
	}{
		{"syncs", syncing, mostSyncs},
		{"processes", cloning, mostProcesses},
		{"system calls", anyCall, mostCalls},
	} {
		n := calls.count(c.kind)
		t.Logf("%s: %d, at most %d", c.what, n, c.most)
		if n > c.most {
			t.Errorf("%d %s, at most %d", n, c.what, c.most)
		}
		if 3*n < c.most {
			t.Errorf("%d %s, of at most %d: the bound says nothing any more, lower it", n, c.what, c.most)
		}
	}
}

// TestCostOfTheShimsStart counts the packages that run init code.
func TestCostOfTheShimsStart(t *testing.T) {
	cmd := execCommand(t.Context(), filepath.Join(filepath.Dir(program(t)), "mctr-shim"))
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, _ := cmd.CombinedOutput() // it fails, because the shim is not started by mctr
	n := bytes.Count(out, []byte("\ninit "))
	t.Logf("initialised packages: %d, at most %d", n, mostInits)
	if n > mostInits || 2*n < mostInits {
		t.Errorf("%d packages initialise themselves, at most %d:\n%s", n, mostInits, out)
	}
}

// calls are system calls as strace prints them, in the order in which they return.
type calls []string

// The counted calls, by prefix. Calls of Go's scheduler are not counted, because their number depends
// on the load of the machine.
var (
	syncing = regexp.MustCompile(`^(fsync|fdatasync|sync|syncfs|sync_file_range|msync)\(`)
	cloning = regexp.MustCompile(`^(fork|vfork|clone3?)\(`)
	anyCall = regexp.MustCompile(`^[a-z]`)
	threads = regexp.MustCompile(`^clone3?\(.*CLONE_THREAD`)
	waiting = regexp.MustCompile(`^(futex|nanosleep|clock_nanosleep|sched_yield|epoll_p?wait2?|tgkill|rt_sigreturn|madvise|getpid|restart_syscall|sched_getaffinity)\(`)
)

// traced runs mctr and its child processes under strace.
func (h *host) traced(args ...string) calls {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "trace")
	traced := h.command(args...)
	cmd := execCommand(context.Background(),
		append([]string{"strace", "-f", "-qq", "-e", "signal=none", "-o", file}, traced.Args...)...)
	cmd.Env = traced.Env
	if r := h.finish(cmd); r.code != 0 {
		h.t.Fatalf("strace: exit code %d: %s", r.code, r.stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	return parseTrace(string(data))
}

// parseTrace removes the pids, and joins the two parts of an interrupted call.
func parseTrace(text string) (list calls) {
	begun := map[string]string{}
	for line := range strings.Lines(text) {
		pid, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if head, unfinished := strings.CutSuffix(call, "<unfinished ...>"); unfinished {
			begun[pid] = head
			continue
		}
		if _, tail, resumed := strings.Cut(call, " resumed>"); resumed && strings.HasPrefix(call, "<...") {
			call = begun[pid] + tail
		}
		if !waiting.MatchString(call) && !threads.MatchString(call) {
			list = append(list, call)
		}
	}
	return list
}

func (c calls) count(kind *regexp.Regexp) (n int) {
	for _, call := range c {
		if kind.MatchString(call) {
			n++
		}
	}
	return n
}

// index returns the index of the first call with this name whose arguments contain text, or -1.
func (c calls) index(name, text string) int {
	for i, call := range c {
		if strings.HasPrefix(call, name+"(") && strings.Contains(call, text) {
			return i
		}
	}
	return -1
}

func (c calls) has(name, text string) bool { return c.index(name, text) >= 0 }

// TestParseTrace tests the counting itself.
func TestParseTrace(t *testing.T) {
	got := parseTrace(`7 execve("/bin/mctr", ["mctr"], 0x7ff /* 3 vars */) = 0
7 clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD <unfinished ...>
8 fsync(8) = 0
7 <... clone resumed>, parent_tid=[15]) = 8
7 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}, 88) = 9
9 futex(0x1, FUTEX_WAKE, 1) = 0
9 write(4, "1763 running\n", 13) = 13
`)
	for kind, want := range map[*regexp.Regexp]int{syncing: 1, cloning: 1, anyCall: 4} {
		if n := got.count(kind); n != want {
			t.Errorf("%s: counted %d, want %d in %q", kind, n, want, got)
		}
	}
	if i := got.index("write", ` running`); i != 3 {
		t.Errorf("the checkpoint is at %d: %q", i, got)
	}
}
