package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/docker/runtime"
	"github.com/mctr/mctr/isolators/isolatortest"
)

const helper = "/usr/lib/mctr/mctr-helper"

func newIsolator() isolators.Isolator { return runtime.New(helper) }

func TestConformance(t *testing.T) {
	isolatortest.Run(t, newIsolator,
		&mctr.ContainerConfig{Image: "test",
			Process: mctr.Process{Args: []string{"true"}, Init: true, Terminal: true, User: "root"}},
		&mctr.ContainerConfig{Process: mctr.Process{Args: []string{"true"}, Init: true}})
}

func process(p mctr.Process) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Process: p}
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: process(mctr.Process{WorkingDir: "srv"}), Is: mctr.ErrInvalid, Field: "process.working_dir srv"},
		{Config: mctr.ContainerConfig{}, Is: mctr.ErrInvalid, Field: "no command"},
		{Config: mctr.ContainerConfig{Process: mctr.Process{Entrypoint: &[]string{}}}, Is: mctr.ErrInvalid,
			Field: "no command"},
		{Config: mctr.ContainerConfig{Image: "test", StopSignal: "SIGNOT"}, Is: mctr.ErrInvalid,
			Field: "stop_signal SIGNOT"},
		{Config: mctr.ContainerConfig{Image: "test", StopSignal: "99999"}, Is: mctr.ErrInvalid,
			Field: "stop_signal 99999"},
		{Config: process(mctr.Process{Env: []string{"A"}}), Is: mctr.ErrInvalid, Field: `process.env "A"`},
		{Config: process(mctr.Process{Env: []string{"=b"}}), Is: mctr.ErrInvalid, Field: `process.env "=b"`},
		{Config: process(mctr.Process{Env: []string{"A=\x00"}}), Is: mctr.ErrInvalid, Field: "process.env"},
	})
	isolatortest.Accepts(t, newIsolator(), process(mctr.Process{WorkingDir: "/srv", Env: []string{"A=", "B=c=d"}}),
		mctr.ContainerConfig{Image: "test", StopSignal: "SIGRTMIN+3"},
		mctr.ContainerConfig{Image: "test", StopSignal: "9"},
		mctr.ContainerConfig{Process: mctr.Process{Entrypoint: &[]string{"sh"}}})
}

// prepare prepares a container of an image with files, by path and content.
func prepare(t *testing.T, config mctr.ContainerConfig, image mctr.ImageConfig,
	files map[string]string) (*mctr.Adjustment, error) {
	t.Helper()
	c := isolatortest.NewContainer(t, config)
	if c.Image != nil {
		c.Image = &image
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(c.Rootfs, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return newIsolator().Prepare(t.Context(), c)
}

// TestCommand is docker's table of ENTRYPOINT and CMD, combined with the arguments of run.
func TestCommand(t *testing.T) {
	entry, none := &[]string{"own"}, &[]string{}
	image := mctr.ImageConfig{Entrypoint: []string{"entry", "-e"}, Cmd: []string{"cmd", "-c"}}
	for _, c := range []struct {
		name  string
		p     mctr.Process
		image mctr.ImageConfig
		want  string // "": refused
	}{
		{"image's own", mctr.Process{}, image, "entry -e cmd -c"},
		{"arguments replace Cmd", mctr.Process{Args: []string{"a", "b"}}, image, "entry -e a b"},
		{"an entrypoint drops both", mctr.Process{Entrypoint: entry}, image, "own"},
		{"entrypoint and arguments", mctr.Process{Entrypoint: entry, Args: []string{"a"}}, image, "own a"},
		{"cleared entrypoint", mctr.Process{Entrypoint: none, Args: []string{"a"}}, image, "a"},
		{"cleared entrypoint, no arguments", mctr.Process{Entrypoint: none}, image, ""},
		{"only Cmd", mctr.Process{}, mctr.ImageConfig{Cmd: []string{"cmd"}}, "cmd"},
		{"only Entrypoint", mctr.Process{}, mctr.ImageConfig{Entrypoint: []string{"entry"}}, "entry"},
		{"an image without either", mctr.Process{Args: []string{"a"}}, mctr.ImageConfig{}, "a"},
		{"nothing at all", mctr.Process{}, mctr.ImageConfig{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := prepare(t, process(c.p), c.image, nil)
			if c.want == "" {
				if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "no command") {
					t.Errorf("got %v, want ErrInvalid: no command", err)
				}
				return
			}
			if err != nil || strings.Join(a.Spec.Process.Args, " ") != c.want {
				t.Errorf("got %+v, %v, want %s", a, err, c.want)
			}
		})
	}
}

func TestInit(t *testing.T) {
	config := process(mctr.Process{Init: true, Args: []string{"sleep", "1"}})
	a, err := prepare(t, config, mctr.ImageConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const mount = `[{"destination":"/sbin/mctr-init","type":"bind","source":"` + helper +
		`","options":["bind","ro","rprivate"]}]`
	if got := isolatortest.JSON(t, a.Volumes); got != mount ||
		strings.Join(a.Spec.Process.Args, " ") != "/sbin/mctr-init init -- sleep 1" {
		t.Errorf("with an image: %s, %q", got, a.Spec.Process.Args)
	}
	config.Image = ""
	a, err = prepare(t, config, mctr.ImageConfig{}, nil)
	if err != nil || len(a.Volumes) > 0 || strings.Join(a.Spec.Process.Args, " ") != helper+" init -- sleep 1" {
		t.Errorf("on the host's filesystem: %+v, %v; want no mount, which would leave a file there", a, err)
	}
}

func TestWorkingDir(t *testing.T) {
	for _, c := range []struct{ asked, image, want string }{
		{"", "", "/"}, {"", "/srv", "/srv"}, {"", "srv", "/srv"}, {"/own", "/srv", "/own"},
	} {
		a, err := prepare(t, process(mctr.Process{WorkingDir: c.asked, Args: []string{"x"}}),
			mctr.ImageConfig{WorkingDir: c.image}, nil)
		if err != nil || a.Spec.Process.Cwd != c.want {
			t.Errorf("asked %q, image %q: got %+v, %v, want %s", c.asked, c.image, a, err, c.want)
		}
	}
	c := isolatortest.NewContainer(t, mctr.ContainerConfig{Process: mctr.Process{Args: []string{"x"}}})
	if a, err := newIsolator().Prepare(t.Context(), c); err != nil || a.Spec.Process.Cwd != c.Sandbox {
		t.Errorf("without an image: %+v, %v, want the sandbox", a, err)
	}
}

func TestEnvironment(t *testing.T) {
	const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, c := range []struct {
		name  string
		p     mctr.Process
		image []string
		want  []string
	}{
		{"defaults", mctr.Process{}, nil, []string{path, "HOME=/root"}},
		{"a terminal", mctr.Process{Terminal: true}, nil, []string{path, "HOME=/root", "TERM=xterm"}},
		{"the image's", mctr.Process{Terminal: true}, []string{"PATH=/bin", "HOME=/h", "TERM=dumb", "A=b=c"},
			[]string{"PATH=/bin", "HOME=/h", "TERM=dumb", "A=b=c"}},
		{"an image that repeats itself", mctr.Process{}, []string{"A=1", "PATH=/a", "A=2", "PATH=/b"},
			[]string{"A=2", "PATH=/b", "HOME=/root"}},
		{"not an image's to set", mctr.Process{}, []string{"MESOS_SANDBOX=/evil", "A=1", "broken", "=x"},
			[]string{"A=1", path, "HOME=/root"}},
		{"another user's home", mctr.Process{User: "web"}, nil, []string{path, "HOME=/srv"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.p.Args = []string{"x"}
			a, err := prepare(t, process(c.p), mctr.ImageConfig{Env: c.image}, map[string]string{"etc/passwd": users})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, a.Spec.Process.Env); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const (
	users  = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/sh\nno-home:x:40:40:::\n"
	groups = "root:x:0:\nweb:x:34:\naudio:x:29:web,root\nvideo:x:44:\n"
)

func TestUser(t *testing.T) {
	for _, c := range []struct {
		user  string
		add   []string
		image string
		want  string // "": refused
	}{
		{"", nil, "", `{"uid":0,"gid":0,"additionalGids":[0,29]}`},
		{"web", nil, "", `{"uid":33,"gid":34,"additionalGids":[34,29]}`},
		{"33", nil, "", `{"uid":33,"gid":34,"additionalGids":[34,29]}`},
		{"web:video", nil, "", `{"uid":33,"gid":44,"additionalGids":[44]}`},
		{"4711", nil, "", `{"uid":4711,"gid":0,"additionalGids":[0]}`},
		{"4711:4712", nil, "", `{"uid":4711,"gid":4712,"additionalGids":[4712]}`},
		{"", nil, "web", `{"uid":33,"gid":34,"additionalGids":[34,29]}`},
		{"root", nil, "web", `{"uid":0,"gid":0,"additionalGids":[0,29]}`},
		{"web", []string{"video", "100", "34"}, "", `{"uid":33,"gid":34,"additionalGids":[34,29,44,100]}`},
		{"nobody", nil, "", ""},
		{"web:nogroup", nil, "", ""},
		{"", nil, "nobody", ""},
		{"web", []string{"nogroup"}, "", ""},
		{"-1", nil, "", ""},
		{"4294967296", nil, "", ""},
	} {
		t.Run(c.user+"/"+strings.Join(c.add, ",")+"/"+c.image, func(t *testing.T) {
			a, err := prepare(t, process(mctr.Process{User: c.user, GroupAdd: c.add, Args: []string{"x"}}),
				mctr.ImageConfig{User: c.image}, map[string]string{"etc/passwd": users, "etc/group": groups})
			if c.want == "" {
				if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "process.user") {
					t.Errorf("got %v, want ErrInvalid that names process.user", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := isolatortest.JSON(t, a.Spec.Process.User); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestOddImageConfigs checks that configs of real images are read as moby reads them
// (daemon/commit.go, daemon/create.go, container/env.go).
func TestOddImageConfigs(t *testing.T) {
	null := func(s ...string) *[]string { return &s }
	for _, c := range []struct {
		name    string
		process mctr.Process
		image   mctr.ImageConfig
		args    string // joined by |; "": refused
		cwd     string
		env     string // that is not to be there
	}{
		{name: "no entrypoint", image: mctr.ImageConfig{Cmd: []string{"a", "b"}}, args: "a|b"},
		{name: "an empty entrypoint", image: mctr.ImageConfig{Entrypoint: []string{}, Cmd: []string{"a"}}, args: "a"},
		{name: "an entrypoint of an empty word", image: mctr.ImageConfig{Entrypoint: []string{""}, Cmd: []string{"a"}},
			args: "a"},
		{name: "that, and nothing else", image: mctr.ImageConfig{Entrypoint: []string{""}}},
		{name: "that, and arguments", process: mctr.Process{Args: []string{"x", "y"}},
			image: mctr.ImageConfig{Entrypoint: []string{""}, Cmd: []string{"a"}}, args: "x|y"},
		{name: "an entrypoint of two empty words",
			image: mctr.ImageConfig{Entrypoint: []string{"", ""}, Cmd: []string{"a"}}, args: "||a"},
		{name: "an asked one of an empty word", process: mctr.Process{Entrypoint: null("")},
			image: mctr.ImageConfig{Entrypoint: []string{"e"}, Cmd: []string{"a"}}},
		{name: "that, and an argument", process: mctr.Process{Entrypoint: null(""), Args: []string{"x"}},
			image: mctr.ImageConfig{Entrypoint: []string{"e"}, Cmd: []string{"a"}}, args: "x"},
		{name: "an empty argument", process: mctr.Process{Args: []string{""}},
			image: mctr.ImageConfig{Entrypoint: []string{"e"}, Cmd: []string{"a"}}, args: "e|"},
		{name: "a relative directory", image: mctr.ImageConfig{Cmd: []string{"a"}, WorkingDir: "srv/x"}, args: "a",
			cwd: "/srv/x"},
		{name: "a stop signal that is none", image: mctr.ImageConfig{Cmd: []string{"a"}, StopSignal: "SIGNOT"},
			args: "a"},
		{name: "a stop signal beyond the last", image: mctr.ImageConfig{Cmd: []string{"a"}, StopSignal: "99999"},
			args: "a"},
		{name: "an unwanted variable", image: mctr.ImageConfig{Cmd: []string{"a"}, Env: []string{"PATH"}}, args: "a",
			env: "PATH="},
		{name: "names without values", image: mctr.ImageConfig{Cmd: []string{"a"}, Env: []string{"A", "", "=b"}},
			args: "a", env: "A"},
		{name: "a root volume",
			image: mctr.ImageConfig{Cmd: []string{"a"}, Volumes: map[string]struct{}{"/": {}, "": {}, ".": {}}},
			args:  "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := prepare(t, process(c.process), c.image, nil)
			if c.args == "" {
				if !errors.Is(err, mctr.ErrInvalid) {
					t.Errorf("%+v, %v: want a refusal", a, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(a.Spec.Process.Args, "|"); got != c.args {
				t.Errorf("command %q, want %q", got, c.args)
			}
			if c.cwd != "" && a.Spec.Process.Cwd != c.cwd {
				t.Errorf("directory %s, want %s", a.Spec.Process.Cwd, c.cwd)
			}
			for _, e := range a.Spec.Process.Env {
				if c.env != "" && strings.HasPrefix(e, c.env) {
					t.Errorf("the environment has %s", e)
				}
			}
		})
	}
}

// TestPrepareKeepsImage checks that Prepare does not change the image's config.
func TestPrepareKeepsImage(t *testing.T) {
	c := isolatortest.NewContainer(t, process(mctr.Process{Args: []string{"x"}}))
	c.Image = &mctr.ImageConfig{Env: []string{"MESOS_X=1", "A=1", "A=2"}, Entrypoint: make([]string, 1, 8)}
	before := slices.Clone(c.Image.Env)
	if _, err := newIsolator().Prepare(t.Context(), c); err != nil || !slices.Equal(before, c.Image.Env) {
		t.Errorf("environment %q, %v", c.Image.Env, err)
	}
}
