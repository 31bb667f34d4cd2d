package shim

import (
	"testing"

	"github.com/mctr/mctr"
)

// TestForMemory decides for terminations of a container, whose init is pid 42, whether the OOM
// killer is the cause.
func TestForMemory(t *testing.T) {
	none := (*mctr.OOM)(nil)
	by := func(victim string) *mctr.OOM { return &mctr.OOM{Kills: 1, Victim: victim} }
	for _, c := range []struct {
		name         string
		code, signal int
		oom          *mctr.OOM
		asked, want  bool
	}{
		{"init", 137, 9, by("tail (42)"), false, true},
		{"a child, as a shell passes on", 137, 0, by("tail (43)"), false, true},
		{"a child, and all of the group with it", 137, 9, by("tail (43)"), false, true},
		{"the kernel does not tell", 137, 9, by("unknown"), false, true},
		{"a child, and a client killed init", 137, 9, by("tail (43)"), true, false},
		{"one whose number ends alike", 137, 9, by("tail (142)"), true, false},
		{"the kernel does not tell, and a client killed init", 137, 9, by("unknown"), true, false},
		{"init, which a client was about to kill", 137, 9, by("a (42)) b (42)"), true, true},
		{"a child, and init ended before it was killed", 137, 0, by("tail (43)"), true, true},
		{"a child, and init ended well", 0, 0, by("tail (43)"), false, false},
		{"nobody", 137, 9, none, false, false},
	} {
		end := &mctr.Termination{ExitCode: c.code, Signal: c.signal, OOM: c.oom}
		if got := exitedByOOM(end, 42, c.asked); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestParseVictim parses records in the format of /dev/kmsg (kernel
// Documentation/ABI/testing/dev-kmsg; mm/oom_kill.c writes the text).
func TestParseVictim(t *testing.T) {
	const group = "/mctr/abc/main"
	const head = "6,1234,5678901,-;oom-kill:constraint=CONSTRAINT_MEMCG," +
		"nodemask=(null),cpuset=main,mems_allowed=0,oom_memcg="
	for _, c := range []struct{ name, record, want string }{
		{"ours", head + group + ",task_memcg=" + group + ",task=tail,pid=42,uid=0\n SUBSYSTEM=x\n", "tail (42)"},
		{"the group above had the limit", head + "/mctr/abc,task_memcg=" + group + ",task=tail,pid=42,uid=0",
			"tail (42)"},
		{"a name like fields", head + group + ",task_memcg=" + group + ",task=a,pid=1,uid=0,pid=42,uid=0",
			"a,pid=1,uid=0 (42)"},
		{"another's", head + "/other,task_memcg=/other,task=tail,pid=42,uid=0", ""},
		{"another's whose path ends alike", head + "/x,task_memcg=/x/mctr/abc/main,task=tail,pid=42,uid=0", ""},
		{"another's with the end of our path", head + "/main,task_memcg=/main,task=tail,pid=42,uid=0", ""},
		{"another's with a name like fields", head + "/o,task_memcg=/o,task=,task_memcg=n,pid=42,uid=0", ""},
		{"without group", "6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task=tail,pid=42", ""},
		{"another message", "6,1,2,-;Out of memory: Killed process 42 (tail)", ""},
		{"nothing", "", ""},
		{"garbage", ";oom-kill:,,,=", ""},
		{"cut off", head + group + ",task_memcg=" + group + ",task=tail,pi", ""},
	} {
		got, ok := parseVictim([]byte(c.record), group)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}

func FuzzParseVictim(f *testing.F) {
	f.Add([]byte("6,1,2,-;oom-kill:constraint=x,task_memcg=/a,task=b,pid=1,uid=0"))
	f.Fuzz(func(t *testing.T, record []byte) {
		if name, ok := parseVictim(record, "/a"); ok == (name == "") {
			t.Errorf("%q, %v", name, ok)
		}
	})
}
