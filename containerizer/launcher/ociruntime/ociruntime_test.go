package ociruntime

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestInvoked(t *testing.T) {
	for _, c := range []struct {
		argv, args []string
		ok         bool
	}{
		{[]string{"/x/mctr-oci", "state", "a"}, []string{"state", "a"}, true},
		{[]string{"mctr-shim", "oci", "list"}, []string{"list"}, true},
		{[]string{"mctr-oci"}, []string{}, true},
		{[]string{"mctr-shim", "supervise", "/dir"}, nil, false},
		{[]string{"mctr-shim"}, nil, false},
		{nil, nil, false},
	} {
		args, ok := Invoked(c.argv)
		if ok != c.ok || cmp.Diff(c.args, args) != "" {
			t.Errorf("%q: %q, %v; want %q, %v", c.argv, args, ok, c.args, c.ok)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args     string
		anywhere bool
		rest     string
		name     string
		on       bool
		fails    bool
	}{
		{"--name x --on id", true, "id", "x", true, false},
		{"id --name=x -on", true, "id", "x", true, false},
		{"id -n x more", true, "id more", "x", false, false},
		{"--name x id sh -c --on", false, "id sh -c --on", "x", false, false},
		{"-- id --on", true, "id --on", "", false, false},
		{"id --bogus", true, "", "", false, true},
		{"--name", true, "", "", false, true},
	} {
		var name string
		f := newFlags("test")
		stringVar(f, &name, "name", "n", "")
		on := f.Bool("on", false, "")
		rest, err := parse(f, strings.Fields(c.args), c.anywhere)
		if (err != nil) != c.fails ||
			err == nil && (strings.Join(rest, " ") != c.rest || name != c.name || *on != c.on) {
			t.Errorf("%s: %q, name %q, on %v, %v", c.args, rest, name, *on, err)
		}
	}
}

func TestCount(t *testing.T) {
	for _, bad := range [][]string{{}, {"a", "b"}, {""}} {
		if _, err := parseID(newFlags("state"), bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]unix.Signal{"9": unix.SIGKILL, "KILL": unix.SIGKILL, "sigterm": unix.SIGTERM,
		"SIGHUP": unix.SIGHUP, "0": 0} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := parseSignal("NOSUCH"); err == nil {
		t.Error("NOSUCH was taken")
	}
}

func TestParseSpec(t *testing.T) {
	const good = `"root":{"path":"r"},"linux":{},"process":{"args":["a"],"cwd":"/"}`
	for text, want := range map[string]string{
		`{"ociVersion":"1.0.2",` + good + `}`:                               "",
		`{"ociVersion":"1.9.0",` + good + `}`:                               "",
		`{"ociVersion":"2.0.0",` + good + `}`:                               "2.0.0",
		`{"ociVersion":"10.0.0",` + good + `}`:                              "10.0.0",
		`{` + good + `}`:                                                    `ociVersion ""`,
		`{"ociVersion":"1.0.2","linux":{}}`:                                 "lacks root",
		`{"ociVersion":"1.0.2","root":{},"linux":{}}`:                       "", // start refuses such a container
		`{"ociVersion":"1.0.2","root":{}}`:                                  "",
		`{"ociVersion":"1.0.2","root":{},"linux":{},"process":{"cwd":"x"}}`: "absolute",
		`{"ociVersion":"1.0.2","root":{},"linux":{},"process":{"cwd":"/"}}`: "args",
		`[`: "decode",
	} {
		_, err := parseSpec([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

func TestTerminalNeedsATaker(t *testing.T) {
	for _, c := range []struct {
		s        start
		terminal bool
		ok       bool
	}{
		{start{detach: true}, true, false},
		{start{detach: true, consoleSocket: "s"}, true, true},
		{start{consoleSocket: "s"}, true, false},
		{start{detach: true, consoleSocket: "s"}, false, false},
		{start{}, true, true},
	} {
		if err := c.s.check(&specs.Process{Terminal: c.terminal}); (err == nil) != c.ok {
			t.Errorf("%+v, terminal %v: %v", c.s, c.terminal, err)
		}
	}
}

func TestSubCgroups(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"": nil, "a/b": {"": "a/b"}, "cpu,memory:x pids:y": {"cpu": "x", "memory": "x", "pids": "y"},
	} {
		if got, err := subCgroups(strings.Fields(text)); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"cpu:x cpu:y", ":x", "a b", "cpu,:x"} {
		if got, err := subCgroups(strings.Fields(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// TestExecFlags changes the container's own process.
func TestExecFlags(t *testing.T) {
	e := &execution{}
	f := newFlags("exec")
	e.register(f)
	args := strings.Fields(
		"-e A=1 --env B=2 --cwd /w -u 7:8 -g 9 --cap CAP_NET_RAW --no-new-privs=false -t id sh -c --cwd")
	rest, err := parse(f, args, false)
	if err != nil || strings.Join(rest, " ") != "id sh -c --cwd" {
		t.Fatal(rest, err)
	}
	e.noNewPrivsSet = isSet(f, "no-new-privs")
	p := &specs.Process{Env: []string{"Z=0"}, NoNewPrivileges: true, Capabilities: &specs.LinuxCapabilities{}}
	if err := e.change(p); err != nil {
		t.Fatal(err)
	}
	want := &specs.Process{
		Env: []string{"Z=0", "A=1", "B=2"}, Cwd: "/w", Terminal: true,
		User: specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{9}},
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_NET_RAW"}, Effective: []string{"CAP_NET_RAW"},
			Permitted: []string{"CAP_NET_RAW"}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	for _, user := range []string{"root", "1:x", "-1", "4294967296"} {
		e := &execution{user: user}
		if e.change(&specs.Process{}) == nil {
			t.Errorf("user %s was taken", user)
		}
	}
}

// TestUpdateFlags wants the limits of the flags to change, and no others.
func TestUpdateFlags(t *testing.T) {
	u := newUpdate()
	f := newFlags("update")
	u.register(f)
	if _, err := parseArguments(f,
		strings.Fields(
			"--memory 32m --memory-swap -1 --cpu-share 512 --cpu-quota 5000 --pids-limit 7 --blkio-weight 20 id"), 1,
		1); err != nil {
		t.Fatal(err)
	}
	memory, swap, shares, quota := int64(32<<20), int64(-1), uint64(512), int64(5000)
	pids, weight := int64(7), uint16(20)
	want := specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &memory, Swap: &swap}, CPU: &specs.LinuxCPU{Shares: &shares, Quota: &quota},
		Pids: &specs.LinuxPids{Limit: &pids}, BlockIO: &specs.LinuxBlockIO{Weight: &weight},
	}
	if diff := cmp.Diff(want, u.limits); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"--memory x", "--cpu-share -1", "--pids-limit x", "--blkio-weight 70000"} {
		f := newFlags("update")
		newUpdate().register(f)
		if _, err := parseArguments(f, append(strings.Fields(bad), "id"), 1, 1); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestListOfNothing(t *testing.T) {
	var out bytes.Buffer
	r := &runtime{root: t.TempDir(), stdout: &out}
	if err := os.Mkdir(r.cache(), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, err := r.list([]string{"--format", "table"}); code != 0 || err != nil ||
		!strings.HasPrefix(out.String(), "ID ") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%d, %v: %s", code, err, out.String())
	}
	if _, err := r.list([]string{"--format", "xml"}); err == nil {
		t.Error("a format that is none was taken")
	}
	r.root = filepath.Join(r.root, "missing")
	if _, err := r.list(nil); err == nil {
		t.Error("a root that is not there was taken")
	}
}

func TestSpecIsValid(t *testing.T) {
	dir := t.TempDir()
	r := &runtime{stdout: &bytes.Buffer{}}
	for _, args := range [][]string{{"-b", dir}, {"--rootless", "--bundle", t.TempDir()}} {
		if code, err := r.spec(args); code != 0 || err != nil {
			t.Errorf("spec %q: %d, %v", args, code, err)
		}
	}
	if _, err := loadSpec(filepath.Join(dir, "config.json")); err != nil {
		t.Error(err)
	}
	if _, err := r.spec([]string{"-b", dir}); err == nil {
		t.Error("a second spec overwrote the first")
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, v := range verbs() {
		r := &runtime{root: t.TempDir(), stdout: &bytes.Buffer{}}
		if _, err := v.run(r, []string{"--help"}); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s --help: %v", v.name, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(`{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{},"process":{"args":["a"],"cwd":"/"}}`))
	f.Add([]byte(`{"ociVersion":"1.0.2","root":{"path":"r"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSpec(data); err == nil &&
			(s.Root == nil || s.Linux == nil || !strings.HasPrefix(s.Version, "1.")) {
			t.Errorf("%q was taken", data)
		}
	})
}

func FuzzCommandLine(f *testing.F) {
	f.Add("exec -e A=1 --cap x -u 1:2 id sh")
	f.Add("update --memory 1g --cpu-idle 1 id")
	f.Fuzz(func(_ *testing.T, line string) {
		args := strings.Fields(line)
		e, u := &execution{}, newUpdate()
		for _, register := range []func(*flag.FlagSet){e.register, u.register, (&creation{}).register} {
			fs := newFlags("fuzz")
			register(fs)
			_, _ = parse(fs, args, true)
		}
		_ = e.change(&specs.Process{})
		_, _ = subCgroups(args)
	})
}
