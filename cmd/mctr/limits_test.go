package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cgroup"
)

// limits are flags with their expected values in the kernel on cgroup v1 and v2. A limit that one of
// them lacks is refused by name there.
var limits = []struct {
	flag, value             string
	v1Controller, v1, want1 string
	v2, want2               string
}{
	{"--cpus", "0.5", "cpu", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"},
	// 59: according to the conversion of opencontainers/cgroups from shares to weight
	{"--cpu-shares", "512", "cpu", "cpu.shares", "512", "cpu.weight", "59"},
	{"--cpuset-cpus", "1", "cpuset", "cpuset.cpus", "1", "cpuset.cpus", "1"},
	{"--cpuset-mems", "0", "cpuset", "cpuset.mems", "0", "cpuset.mems", "0"},
	{"--memory", "64m", "memory", "memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
	{"--memory-reservation", "32m", "memory", "memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432"},
	{"--memory-high", "48m", "", "", "", "memory.high", "50331648"},
	{"--memory-swappiness", "10", "memory", "memory.swappiness", "10", "", ""},
	{"--pids-limit", "33", "pids", "pids.max", "33", "pids.max", "33"},
}

// TestLimitsReachTheKernel reads each limit from the control group of the container.
func TestLimitsReachTheKernel(t *testing.T) {
	h := newHost(t)
	for _, l := range limits {
		t.Run(strings.TrimPrefix(l.flag, "--"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image}
			controller, file, want := l.v1Controller, l.v1, l.want1
			if cgroup.Unified() {
				controller, file, want = "", l.v2, l.want2
			}
			if file == "" {
				h.refuses(l.flag, l.value)
				return
			}
			id := strings.TrimSpace(h.want(0, "run", "-d", "-q", l.flag, l.value, h.image, "sleep", "100").stdout)
			defer h.want(0, "rm", "-f", id)
			got, err := os.ReadFile(filepath.Join(cgroup.Dir(controller, h.groupOf(id)), file))
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.TrimSpace(string(got)); text != want {
				t.Errorf("%s %s: %s is %q, want %q", l.flag, l.value, file, text, want)
			}
		})
	}
}

// refuses checks that the flag is refused by name before anything is created.
func (h *host) refuses(flag, value string) {
	h.t.Helper()
	r := h.want(125, "run", "-q", flag, value, h.image, "true")
	if !strings.Contains(r.stderr, flag+" is not supported here") {
		h.t.Errorf("%s: refused without its name: %s", flag, r.stderr)
	}
	h.wantClean()
}

func (h *host) groupOf(id string) string {
	h.t.Helper()
	return strings.TrimSpace(h.want(0, "inspect", "-f", "{{.HostConfig.CgroupParent}}", id).stdout)
}

// TestBlockIO throttles a real block device.
func TestBlockIO(t *testing.T) {
	h := newHost(t)
	device := os.Getenv("MCTR_TEST_DISK")
	if device == "" {
		device = loopDevice(t)
	}
	id := strings.TrimSpace(
		h.want(0, "run", "-d", "-q", "--device-read-bps", device+":1m", "--device-write-iops", device+":77", h.image,
			"sleep", "100").stdout)
	defer h.want(0, "rm", "-f", id)
	group := h.groupOf(id)
	if cgroup.Unified() {
		wantContains(t, filepath.Join(cgroup.Dir("io", group), "io.max"), "rbps=1048576", "wiops=77")
		return
	}
	wantContains(t, filepath.Join(cgroup.Dir("blkio", group), "blkio.throttle.read_bps_device"), "1048576")
	wantContains(t, filepath.Join(cgroup.Dir("blkio", group), "blkio.throttle.write_iops_device"), "77")
}

func wantContains(t *testing.T, file string, parts ...string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s is %q, without %q", file, data, part)
		}
	}
}

func loopDevice(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	runTool(t, "truncate", "-s", "1M", file)
	out, err := execCommand(t.Context(), "losetup", "--find", "--show", file).Output()
	if err != nil {
		t.Fatal("losetup:", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { runTool(t, "losetup", "--detach", device) })
	return device
}

// TestMemoryHog checks that an OOM kill is explained: exit code, reason, limit, peak and victim, and a
// message on stderr.
func TestMemoryHog(t *testing.T) {
	h := newHost(t)
	swap := []string{"--memory-swap", "64m"}
	r := h.want(137,
		append(append([]string{"run", "-q", "--name", "hog", "-m", "64m"}, swap...), h.image, "sh", "-c",
			"tail /dev/zero; exit $?")...)
	if !strings.Contains(r.stderr, "LIMITATION_MEMORY") {
		t.Errorf("stderr does not say why: %s", r.stderr)
	}
	got := h.want(0, "inspect", "-f",
		"{{.State.OOMKilled}} {{.Mctr.Termination.Reason}} {{.Mctr.Termination.OOM.Limit}} {{ge "+
			".Mctr.Termination.OOM.Peak 60000000}} {{.Mctr.Termination.OOM.Victim}}", "hog").stdout
	if !strings.HasPrefix(got, "true LIMITATION_MEMORY 67108864 true tail (") {
		t.Errorf("inspect says %q", got)
	}
	h.want(0, "rm", "hog")
}

// TestForkBomb checks that a fork bomb stays within its limit, and that all its processes are killed.
func TestForkBomb(t *testing.T) {
	h := newHost(t)
	r := h.mctr("run", "-q", "--rm", "--pids-limit", "40", h.image, "sh", "-c",
		"i=0; while [ $i -lt 100 ]; do sleep 30 & i=$((i+1)); done; echo all started")
	if r.code == 0 || !strings.Contains(r.stderr, "can't fork") {
		t.Errorf("the bomb was not held: %+v", r)
	}
	h.wantClean()
}

// TestDevicesAreDenied checks that a container cannot open a block device through a node that it
// created, but can open one of --device.
func TestDevicesAreDenied(t *testing.T) {
	h := newHost(t)
	r := h.want(1, "run", "-q", "--rm", h.image, "sh", "-c", "echo ok >/dev/null && mount -t tmpfs x /tmp")
	if !strings.Contains(r.stderr, "ermission denied") && !strings.Contains(r.stderr, "not permitted") {
		t.Errorf("mount was not refused: %s", r.stderr)
	}
	device := loopDevice(t)
	const read = "head -c 1 /dev/x >/dev/null 2>&1 && echo read || echo denied"
	const number = "$(printf '%d %d' 0x$(stat -Lc %t /host) 0x$(stat -Lc %T /host))"
	denied := h.want(0, "run", "-q", "--rm", "-v", device+":/host", h.image, "sh", "-c",
		"mkdir -p /n; busybox mknod /dev/x b "+number+"; "+read)
	if strings.TrimSpace(denied.stdout) != "denied" {
		t.Errorf("a device that was not given can be opened: %+v", denied)
	}
	given := h.want(0, "run", "-q", "--rm", "--device", device+":/dev/x:r", h.image, "sh", "-c", read)
	if strings.TrimSpace(given.stdout) != "read" {
		t.Errorf("a device that was given cannot be opened: %+v", given)
	}
}
