package ocibinary

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// fakeRuntime makes a runtime that reports version, and fails every other verb with text.
func fakeRuntime(t *testing.T, version, text string) *runtime {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake")
	script := "#!/bin/sh\ncase $1 in\nfeatures) exit 1;;\n--version) echo fake version 1; echo 'spec: " + version +
		"';;\n*) echo '" + text + "' >$4; exit 1;;\nesac\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return &runtime{path: path}
}

func TestRefusesByName(t *testing.T) {
	burst := uint64(1)
	for _, c := range []struct {
		name  string
		knows string
		spoil func(*specs.Spec)
		wants string // part of the error; "": no error
	}{
		{"nothing new", "1.0.2", func(*specs.Spec) {}, ""},
		{"a burst", "1.0.2-dev", func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: &burst}}
		}, "cpu.burst with config.runtime fake"},
		{"a burst, a new runtime", "1.2.0", func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: &burst}}
		}, ""},
		{"a domain", "1.0.0", func(s *specs.Spec) { s.Domainname = "x" }, "domainname"},
		{"a memory policy", "1.2.0", func(s *specs.Spec) { s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{} },
			"linux.memoryPolicy"},
		{"an idmapped mount", "nonsense", func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{UIDMappings: []specs.LinuxIDMapping{{Size: 1}}}}
		}, "idmapped"},
		{"a secret", "1.3.0", func(s *specs.Spec) { s.Process.Env = []string{"SECRET=canary"} }, "secret environment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &specs.Spec{Process: &specs.Process{}, Linux: &specs.Linux{}}
			c.spoil(s)
			bundle := t.TempDir()
			if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(`{"process":{}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			err := fakeRuntime(t, c.knows, "").check(t.Context(), engine.Options{Bundle: bundle, Spec: s})
			if c.wants == "" && err != nil ||
				c.wants != "" && (!errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), c.wants)) {
				t.Errorf("%v; want %q", err, c.wants)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

func TestUpdatesThatAreNone(t *testing.T) {
	weight := uint16(10)
	for name, r := range map[string]*specs.LinuxResources{
		"devices":         {Devices: []specs.LinuxDeviceCgroup{{}}},
		"hugepageLimits":  {HugepageLimits: []specs.LinuxHugepageLimit{{}}},
		"blockIO devices": {BlockIO: &specs.LinuxBlockIO{LeafWeight: &weight}},
	} {
		c := &container{runtime: &runtime{path: "/bin/fake"}}
		if err := c.Update(r); !errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrors converts messages that runtimes log to errors.
func TestErrors(t *testing.T) {
	for text, want := range map[string]error{
		`{"level":"error","msg":"exec: \"nosuch\": executable file not found in $PATH"}`:                             mctr.ErrCommandNotFound,
		`{"level":"error","msg":"runc create failed: exec: \"/no/such\": stat /no/such: no such file or directory"}`: mctr.ErrCommandNotFound,
		`{"msg":"executable file nosuch not found in $PATH: No such file or directory","level":"error"}`:             mctr.ErrCommandNotFound,
		`{"msg":"open executable: Operation not permitted","level":"error"}`:                                         mctr.ErrCommandInvoke,
		"{\"msg\":\"the path `/etc` is not a regular file: Operation not permitted\"," +
			"\"level\":\"error\"}": mctr.ErrCommandInvoke,
		`{"level":"error","msg":"exec: \"/etc\": permission denied"}`: mctr.ErrCommandInvoke,
		`{"msg":"unknown command pause","level":"error"}`:             mctr.ErrUnsupported,
		`{"level":"error","msg":"container does not exist"}`:          mctr.ErrNotFound,
	} {
		c := &container{runtime: fakeRuntime(t, "", text), dir: t.TempDir()}
		if err := c.Pause(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	c := &container{runtime: fakeRuntime(t, "", `{"level":"warning","msg":"no matter"}`), dir: t.TempDir()}
	var exit *exec.ExitError
	if err := c.Pause(); !errors.As(err, &exit) {
		t.Errorf("a runtime that says nothing: %v", err)
	}
}

func TestParseGroups(t *testing.T) {
	const v1 = "9:name=systemd:/a/main\n8:pids:/a/main\n2:cpu,cpuacct:/a/main\n1:memory:/\n3:blkio:/../x\n0::/a/main\n"
	want := cgroups{"systemd": "/a/main", "pids": "/a/main", "cpu": "/a/main", "cpuacct": "/a/main"}
	if diff := cmp.Diff(want, parseCgroups(v1, false)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(cgroups{"": "/a/main"}, parseCgroups("0::/a/main\n", true)); diff != "" {
		t.Error(diff)
	}
}

func FuzzLog(f *testing.F) {
	f.Add([]byte(`{"level":"error","msg":"x"}`), "1.0.2")
	f.Fuzz(func(_ *testing.T, log []byte, version string) {
		_, _ = lastError(log), older(version, "1.1.0")
		_ = parseCgroups(string(log), true).names()
	})
}
