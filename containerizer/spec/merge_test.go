package spec

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// asked is one isolator's adjustment.
func asked(change func(*specs.Spec)) *mctr.Adjustment {
	a := &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{},
		Linux: &specs.Linux{Resources: &specs.LinuxResources{}}}}
	change(&a.Spec)
	return a
}

func baseForTest() *specs.Spec { return &specs.Spec{Process: &specs.Process{}, Linux: &specs.Linux{}} }

// TestClaims wants a second claim of a value to be an error that names both, and
// lists and distinct keys to add up.
func TestClaims(t *testing.T) {
	limit, shares := int64(1), uint64(2)
	for _, c := range []struct {
		name          string
		first, second func(*specs.Spec)
		taken         string // the path claimed twice; "": none
	}{
		{"a word", func(s *specs.Spec) { s.Process.Cwd = "/a" }, func(s *specs.Spec) { s.Process.Cwd = "/b" },
			"process.cwd"},
		{"the same word", func(s *specs.Spec) { s.Hostname = "a" }, func(s *specs.Spec) { s.Hostname = "a" },
			"hostname"},
		{"a pointer", func(s *specs.Spec) { s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &limit} },
			func(s *specs.Spec) { s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &limit} },
			"linux.resources.cpu.quota"},
		{"neighbours", func(s *specs.Spec) { s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &limit} },
			func(s *specs.Spec) { s.Linux.Resources.CPU = &specs.LinuxCPU{Shares: &shares} }, ""},
		{"arguments, whole", func(s *specs.Spec) { s.Process.Args = []string{"a"} }, func(s *specs.Spec) {
			s.Process.Args = []string{"b"}
		}, "process.args"},
		{"capabilities, whole", func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"A"}}
		},
			func(s *specs.Spec) { s.Process.Capabilities = &specs.LinuxCapabilities{Ambient: []string{"B"}} },
			"process.capabilities"},
		{"a variable", func(s *specs.Spec) { s.Process.Env = []string{"A=1"} }, func(s *specs.Spec) {
			s.Process.Env = []string{"A=2"}
		}, "process.env[A]"},
		{"variables", func(s *specs.Spec) { s.Process.Env = []string{"A=1"} }, func(s *specs.Spec) {
			s.Process.Env = []string{"AB=2"}
		}, ""},
		{"a namespace", func(s *specs.Spec) { s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}} },
			func(s *specs.Spec) {
				s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace, Path: "/p"}}
			}, "linux.namespaces[pid]"},
		{"a limit", func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}} },
			func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Hard: 1}} },
			"process.rlimits[RLIMIT_CORE]"},
		{"a key", func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"a": "1"} }, func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"a": "1"}
		}, "linux.sysctl[a]"},
		{"keys", func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"a": "1"} }, func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"b": "1"}
		}, ""},
		{"masks add up", func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"/a"} }, func(s *specs.Spec) {
			s.Linux.MaskedPaths = []string{"/a"}
		}, ""},
	} {
		m := NewMerger(baseForTest())
		if err := m.Add("first/one", asked(c.first)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		err := m.Add("second/one", asked(c.second))
		if c.taken == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.taken != "" &&
			(!errors.Is(err, mctr.ErrInvalid) ||
				!strings.HasSuffix(err.Error(), c.taken+": set by first/one and by second/one")) {
			t.Errorf("%s: %v, want one that names %s and both", c.name, err, c.taken)
		}
	}
	if err := NewMerger(baseForTest()).Add("none", nil); err != nil {
		t.Error(err)
	}
}

// TestMountOrder has the mounts ordered by their path, whichever side asked for them,
// and the user's in the place of others with the same destination.
func TestMountOrder(t *testing.T) {
	m := NewMerger(baseForTest())
	at := func(destination string) specs.Mount { return specs.Mount{Destination: destination, Source: "user"} }
	base := asked(func(s *specs.Spec) {
		s.Mounts = []specs.Mount{{Destination: "/proc"}, {Destination: "/dev/shm"}, {Destination: "/sys"},
			{Destination: "/b/ours"}, {Destination: "/a/b/d"}}
	})
	volumes := &mctr.Adjustment{Volumes: []specs.Mount{at("/a/b/c"), at("/a"), at("/dev/shm"), at("/a/b/"), at("/b")}}
	for _, a := range []*mctr.Adjustment{volumes, base} {
		if err := m.Add("one", a); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, mount := range m.Finish(nil).Mounts {
		got = append(got, mount.Destination+" "+mount.Source)
	}
	want := []string{"/proc ", "/sys ", "/a user", "/b user", "/b/ours ", "/dev/shm user", "/a/b/ user", "/a/b/d ",
		"/a/b/c user"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestMountPlaces wants a mount of ours left out of a read-only volume that lacks a place
// for it.
func TestMountPlaces(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hosts"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ours := asked(func(s *specs.Spec) {
		s.Mounts = []specs.Mount{{Destination: "/etc/hosts"}, {Destination: "/etc/hostname"}}
	})
	for options, want := range map[string][]string{"ro": {"/etc", "/etc/hosts"}, "rro": {"/etc", "/etc/hosts"},
		"rw": {"/etc", "/etc/hosts", "/etc/hostname"}} {
		m := NewMerger(baseForTest())
		volume := &mctr.Adjustment{Volumes: []specs.Mount{{Destination: "/etc", Type: "bind", Source: dir,
			Options: []string{options}}}}
		if err := errors.Join(m.Add("one", ours), m.Add("two", volume)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, mount := range m.Finish(nil).Mounts {
			got = append(got, mount.Destination)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", options, diff)
		}
	}
}

func TestEnvironmentOverride(t *testing.T) {
	got := override([]string{"PATH=/bin", "A=1", "AB=2"}, []string{"A=3", "NEW=", "A=4", "PATH="})
	if diff := cmp.Diff([]string{"PATH=", "A=4", "AB=2", "NEW="}, got); diff != "" {
		t.Error(diff)
	}
}

// TestSecretVariables: a secret replaces a variable of the image, and is not in the spec.
func TestSecretVariables(t *testing.T) {
	m := NewMerger(&specs.Spec{Process: &specs.Process{}})
	for isolator, a := range map[string]*mctr.Adjustment{
		"image":  {Spec: specs.Spec{Process: &specs.Process{Env: []string{"A=image", "B=image"}}}},
		"secret": {SecretEnv: []string{"A=canary"}},
	} {
		if err := m.Add(isolator, a); err != nil {
			t.Fatal(err)
		}
	}
	if env := m.Finish([]string{"C=user"}).Process.Env; !slices.Equal(env, []string{"B=image", "C=user"}) {
		t.Errorf("the spec has %q", env)
	}
	if !slices.Equal(m.SecretEnv, []string{"A=canary"}) {
		t.Errorf("the secrets are %q", m.SecretEnv)
	}
}
