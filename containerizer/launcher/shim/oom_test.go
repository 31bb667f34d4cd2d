package shim

import "testing"

// TestParseVictim reads records as /dev/kmsg gives them (kernel
// Documentation/ABI/testing/dev-kmsg; the text is mm/oom_kill.c's).
func TestParseVictim(t *testing.T) {
	const group = "/mctr/abc/main"
	const dir = "/sys/fs/cgroup/memory" + group
	const head = "6,1234,5678901,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=main,mems_allowed=0,oom_memcg="
	for _, c := range []struct{ name, record, dir, want string }{
		{"ours", head + group + ",task_memcg=" + group + ",task=tail,pid=42,uid=0\n SUBSYSTEM=x\n", dir, "tail (42)"},
		{"the group above had the limit", head + "/mctr/abc,task_memcg=" + group + ",task=tail,pid=42,uid=0", dir, "tail (42)"},
		{"on v2", head + group + ",task_memcg=" + group + ",task=tail,pid=42,uid=0", "/sys/fs/cgroup" + group, "tail (42)"},
		{"another's", head + "/other,task_memcg=/other,task=tail,pid=42,uid=0", dir, ""},
		{"one whose name ends alike", head + "/x,task_memcg=/x/mctr/abc/main,task=tail,pid=42,uid=0", dir, ""},
		{"without group", "6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task=tail,pid=42", dir, ""},
		{"another message", "6,1,2,-;Out of memory: Killed process 42 (tail)", dir, ""},
		{"nothing", "", dir, ""},
		{"garbage", ";oom-kill:,,,=", dir, ""},
	} {
		got, ok := parseVictim([]byte(c.record), c.dir)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}

func FuzzParseVictim(f *testing.F) {
	f.Add([]byte("6,1,2,-;oom-kill:task_memcg=/a,task=b,pid=1"))
	f.Fuzz(func(t *testing.T, record []byte) {
		if name, ok := parseVictim(record, "/sys/fs/cgroup/memory/a"); ok == (name == "") {
			t.Errorf("%q, %v", name, ok)
		}
	})
}
