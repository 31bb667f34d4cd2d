package containerizer_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

// TestSystemdManagerRefused wants a host refused that has not what scopes need,
// before anything is made.
func TestSystemdManagerRefused(t *testing.T) {
	if cgroup.CheckSystemd() == nil {
		t.Skip("this host has it all (most have not)")
	}
	a := newAgent(t)
	root, state := filepath.Join(t.TempDir(), "root"), filepath.Join(t.TempDir(), "state")
	for manager, want := range map[string]error{"systemd": mctr.ErrUnsupported, "docker": mctr.ErrInvalid} {
		_, err := a.tryOpen(containerizer.WithDirs(root, state), containerizer.WithCgroupManager(manager))
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "host.cgroup_manager "+manager) {
			t.Errorf("%s: %v", manager, err)
		}
	}
	for _, dir := range []string{root, state} {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s was made for nothing", dir)
		}
	}
}

// newScoped is an agent whose groups systemd makes.
func newScoped(t *testing.T) *agent {
	t.Helper()
	if err := cgroup.CheckSystemd(); err != nil {
		t.Skip("the virtual machine has it:", err)
	}
	a := newAgent(t)
	c, err := a.tryOpen(containerizer.WithCgroupManager("systemd"))
	if err != nil {
		t.Fatal(err)
	}
	a.Containerizer = c
	return a
}

func (a *agent) systemctl(args ...string) string {
	a.t.Helper()
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		a.t.Fatalf("systemctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// scopeOf is the unit of a container, by its group.
func (a *agent) scopeOf(id mctr.ContainerID) string {
	a.t.Helper()
	slice, below, _ := strings.Cut(store.At("", a.state).Container(id).Cgroup(), "/")
	scope, _, _ := strings.Cut(below, "/")
	if slice != "system.slice" || filepath.Ext(scope) != ".scope" {
		a.t.Fatalf("%s is in %s of %s", id, scope, slice)
	}
	return scope
}

// wantNoScope wants systemd and the kernel to have forgotten a scope, soon.
func (a *agent) wantNoScope(when, scope string) {
	a.t.Helper()
	a.eventually(when+": "+scope+" is gone", func() bool {
		return a.systemctl("show", "--property", "LoadState", "--value", scope) == "not-found" &&
			len(cgroup.Dirs("system.slice/"+scope)) == 0
	})
}

// wantIn wants a container's process and its shim in their groups of the scope.
func (a *agent) wantIn(scope string, id mctr.ContainerID) {
	a.t.Helper()
	s, err := a.Status(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	for pid, want := range map[int]string{s.Pid: store.At("", a.state).Container(id).Cgroup(),
		s.ShimPid: "system.slice/" + scope + "/_shims"} {
		got, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err != nil || string(got) != "0::/"+want+"\n" {
			a.t.Errorf("%s: process %d is in %s, %v; want %s", id, pid, got, err, want)
		}
	}
}

// TestSystemdManager has systemd make a scope for a container and one nested in it.
// What is in it systemd leaves alone, also when it reads its units again, and the
// scope goes with the container.
func TestSystemdManager(t *testing.T) {
	a := newScoped(t)
	config, nested := a.config("sleep", "100"), a.config("sleep", "100")
	config.Name, config.Resources, config.GroupResources = "webserver", limits(64<<20, 50), limits(96<<20, 60)
	nested.Resources = limits(32<<20, 20)
	a.launchConfig("web", config)
	a.launchConfig("web.in", nested)
	scope := a.scopeOf("web")
	for property, want := range map[string]string{
		"ActiveState": "active", "Description": "mctr container webserver", "Slice": "system.slice", "Delegate": "yes",
		"TasksMax": "infinity", "MemoryMax": "infinity",
	} {
		if got := a.systemctl("show", "--property", property, "--value", scope); got != want {
			t.Errorf("%s is %s, want %s", property, got, want)
		}
	}
	a.wantIn(scope, "web")
	a.wantIn(scope, "web.in")
	if _, err := a.tryOpen(containerizer.WithCgroupManager("cgroupfs")); !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), "system.slice") {
		t.Errorf("another manager: %v", err)
	}
	a.Containerizer = a.open() // nobody told this one
	a.recover()
	if err := errors.Join(a.Update(t.Context(), "web", limits(48<<20, 40)),
		a.UpdateGroup(t.Context(), "web", limits(80<<20, 0))); err != nil {
		t.Error(err)
	}
	for _, verb := range []string{"daemon-reload", "daemon-reexec"} {
		a.systemctl(verb)
		if got := a.limitsOf("web") + ", " + a.limitsOf("web.in") + ", " +
			a.groupLimitsOf("web"); got != "50331648 40, 33554432 20, 83886080 60" {
			t.Errorf("limits after %s: %s", verb, got)
		}
	}
	a.exec("web.in", "true")
	if u, err := a.GroupUsage(t.Context(), "web"); err != nil || u.MemoryLimit != 80<<20 || u.Pids < 2 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	a.remove("web")
	a.wantNoScope("removed", scope)
}

// TestSystemdManagerEnds has scopes end in every way: what there is to know of the
// end is known, the container can be started again at once, and nothing is left.
func TestSystemdManagerEnds(t *testing.T) {
	a := newScoped(t)
	hog := a.config("dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1")
	hog.Resources = limits(20<<20, 0)
	a.launchConfig("hog", hog)
	hogs := a.scopeOf("hog")
	for _, when := range []string{"launched", "started again"} {
		if end, err := a.Wait(t.Context(), "hog"); err != nil || end.Reason != mctr.ReasonOOM || end.OOM == nil ||
			end.OOM.Limit != 20<<20 {
			t.Errorf("%s: the hog ended by %+v, %v", when, end, err)
		}
		if when == "launched" {
			a.start("hog")
		}
	}
	a.launch("job", "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
	a.until("job", "ready")
	scope := a.scopeOf("job")
	a.systemctl("stop", scope)
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 3 || end.Reason != mctr.ReasonExited {
		t.Errorf("systemd stopped it: %+v, %v", end, err)
	}
	a.start("job")
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonShimLost {
		t.Errorf("its shim was killed: %+v, %v", end, err)
	}
	a.start("job")
	a.systemctl("kill", "-s", "KILL", scope)
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonShimLost {
		t.Errorf("all of it was killed: %+v, %v", end, err)
	}
	a.remove("job", "hog")
	a.wantNoScope("ended", scope)
	a.wantNoScope("ended", hogs)
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestSystemdManagerFails has systemd refuse, and wants the launch undone.
func TestSystemdManagerFails(t *testing.T) {
	a := newScoped(t)
	const slice = "mctrmasked.slice"
	a.systemctl("mask", "--runtime", slice)
	t.Cleanup(func() { a.systemctl("unmask", "--runtime", slice) })
	c, err := a.tryOpen(containerizer.WithCgroupManager("systemd"), containerizer.WithCgroupParent(slice))
	if err != nil {
		t.Fatal(err)
	}
	a.Containerizer = c
	if _, err := a.Launch(t.Context(), "job", a.config("true"),
		containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "masked") {
		t.Errorf("launched in a slice that is masked: %v", err)
	}
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	a.eventually("no unit is left", func() bool {
		return a.systemctl("list-units", "--all", "--plain", "--no-legend", "mctr-*.scope") == ""
	})
}

func (a *agent) start(id mctr.ContainerID) {
	a.t.Helper()
	if _, err := a.Start(a.t.Context(), id, containerizer.LaunchOptions{}); err != nil {
		a.t.Fatal(err)
	}
}
