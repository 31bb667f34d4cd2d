package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// TestKillWithNetwork kills mctr at every point of an attachment, and checks that reconcile undoes it:
// address, rules, interface, namespace, record.
func TestKillWithNetwork(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.want(0, "network", "create", "--subnet", "10.91.0.0/24", "killed")
	h.want(0, "run", "--rm", "--network", "killed", "-p", "0:1", h.image, "true")
	rules := firewall(t)
	for _, point := range []string{"prepare/network/cni", "cni/intent", "cni/intended", "cni/added",
		"prepare/docker/runtime", "created", "running", "destroy", "cni/deleted", "cleaned/network/cni"} {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=kill"}}
			if r := h.mctr("run", "--name", "crash", "--network", "killed", "-p", "0:80", h.image, "sh", "-c",
				"echo out"); r.code == 0 {
				t.Errorf("nothing was killed: %+v", r)
			}
			h.env = nil
			h.converges()
			if now := firewall(t); now != rules {
				t.Errorf("rules were left:\n%s\nbefore:\n%s", now, rules)
			}
		})
	}
	h.want(0, "network", "rm", "killed")
}

// firewall returns the rules of the host, without counters and without chains that plugins never remove.
func firewall(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("iptables-save").Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "-A") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestErrorWithNetwork makes each of these steps fail, and checks that nothing is left, without a
// reconcile.
func TestErrorWithNetwork(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.want(0, "network", "create", "--subnet", "10.92.0.0/24", "failing")
	for _, point := range []string{"cni/intent", "cni/intended", "cni/added", "prepare/network/ports", "shim",
		"running"} {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=error"}}
			if r := h.want(125, "run", "--name", "crash", "--network", "failing", h.image,
				"true"); !strings.Contains(r.stderr, "injected failure") {
				t.Errorf("the error does not say what failed: %s", r.stderr)
			}
			h.wantClean()
		})
	}
	h.want(0, "network", "rm", "failing")
}

// TestFullDiskWithNetwork fills the filesystem of ROOT and STATE, which also has the records of
// attachments and assigned addresses, after these steps.
func TestFullDiskWithNetwork(t *testing.T) {
	dir := t.TempDir()
	image, small := imagetest.Busybox(t, dir), filepath.Join(dir, "small")
	mountLoop(t, dir, small)
	h := newHostIn(t, filepath.Join(small, "root"), filepath.Join(small, "state"), image)
	h.want(0, "pull", "-q", image)
	h.want(0, "network", "create", "--subnet", "10.95.0.0/29", "narrow")
	for _, point := range []string{"cni/intent", "cni/intended", "cni/added", "prepare/network/ports", "running",
		"exited", "destroy", "cni/deleted", "cleaned/network/cni"} {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=fill:" + small}}
			r := h.mctr("run", "--name", "crash", "--network", "narrow", "-p", "0:80", h.image, "true")
			if r.code != 0 && (r.code != 125 || !strings.Contains(r.stderr, "no space left on device")) {
				t.Errorf("exit code %d, and the error does not say that the disk is full: %s", r.code, r.stderr)
			}
			h.empty(small)
			h.converges()
			if left := entries(h.root + "/cni/attachments"); len(left) > 0 {
				t.Errorf("attachments left: %v", left)
			}
		})
	}
	h.want(0, "network", "rm", "narrow")
}

// TestRebootWithNetwork removes STATE and everything in the kernel, as a reboot does if STATE is a
// tmpfs, and checks that the address is free afterwards.
func TestRebootWithNetwork(t *testing.T) {
	h := newHost(t)
	h.want(0, "network", "create", "--subnet", "10.93.0.0/24", "lost")
	h.want(0, "run", "-q", "-d", "--name", "ran", "--network", "lost", "-p", "0:80", h.image, "sleep", "100")
	pids := strings.Fields(h.want(0, "inspect", "-f", "{{.Mctr.ShimPid}} {{.State.Pid}}", "ran").stdout)
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	h.eventually("the processes have ended", func() bool {
		return !slices.ContainsFunc(pids, func(pid string) bool {
			_, err := os.Stat("/proc/" + pid + "/exe")
			return err == nil
		})
	})
	namespaces, _ := filepath.Glob(h.state + "/cni/netns/*")
	for _, at := range append(append(h.rootfsMounts(), namespaces...), h.state) {
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
	if err := os.RemoveAll(h.state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.root, "boot_id"), []byte("another boot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := h.want(0, "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.Mctr.Termination.Reason}}",
		"ran").stdout; got != "exited 137 REBOOT\n" {
		t.Errorf("it has become %q", got)
	}
	if left := entries(h.root + "/cni/attachments"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	h.want(0, "start", "ran")
	h.want(0, "rm", "-f", "ran")
	h.want(0, "network", "rm", "lost")
}

// A twin is one of two hosts. Each is a network namespace, and they are connected.
func twins(t *testing.T) (one, two *host) {
	t.Helper()
	dir := t.TempDir()
	image := imagetest.Busybox(t, dir)
	var pids []string
	for i := range 2 {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		pids = append(pids, strconv.Itoa(cmd.Process.Pid))
		h := newHostIn(t, filepath.Join(dir, fmt.Sprint("root", i)), filepath.Join(dir, fmt.Sprint("state", i)), image)
		h.within = []string{"nsenter", "--net=/proc/" + pids[i] + "/ns/net", "--"}
		h.want(0, "pull", "-q", image)
		one, two = two, h
	}
	runTool(t, "ip", "link", "add", "twin0", "type", "veth", "peer", "name", "twin1")
	for i, h := range []*host{one, two} {
		link, address := fmt.Sprint("twin", i), fmt.Sprintf("192.0.2.%d/24", i+1)
		runTool(t, "ip", "link", "set", link, "netns", pids[i])
		h.tool("ip", "link", "set", "lo", "up")
		for name, value := range testns.Settings {
			h.tool("sh", "-c", "test ! -e /proc/sys/"+name+" || echo "+value+" >/proc/sys/"+name)
		}
		h.tool("ip", "address", "add", address, "dev", link)
		h.tool("ip", "link", "set", link, "up")
	}
	return one, two
}

// tool runs a program on this host.
func (h *host) tool(argv ...string) string {
	h.t.Helper()
	argv = append(slices.Clone(h.within), argv...)
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// TestOverlay connects containers of two hosts by VXLAN, and transfers a file that is larger than any
// packet.
func TestOverlay(t *testing.T) {
	one, two := twins(t)
	for i, h := range []*host{one, two} {
		h.want(0, "network", "create", "--driver", "vxlan", "--vni", "42", "--subnet", "10.94.0.0/16", "--ip-range",
			fmt.Sprintf("10.94.%d.0/24", i+1), "--local", fmt.Sprintf("192.0.2.%d", i+1), "--peer",
			fmt.Sprintf("192.0.2.%d", 2-i), "over")
	}
	said := one.want(0, "run", "-q", "-d", "--name", "server", "--network", "over", "--ip", "10.94.1.7", one.image,
		"busybox", "httpd", "-f", "-p", "80", "-h", "/bin").stderr
	if !strings.Contains(said, "this host forwards packets now") || !strings.Contains(said, "ip_forward") {
		t.Errorf("the change on the host was not reported: %q", said)
	}
	one.eventually("the server answers", func() bool {
		return one.mctr("exec", "server", "busybox", "wget", "-qO", "/dev/null", "http://127.0.0.1/busybox").code == 0
	})
	got := two.want(0, "run", "-q", "--rm", "--network", "over", two.image, "sh", "-c",
		"busybox wget -qO- http://10.94.1.7/busybox | busybox wc -c; ip -o link show dev eth0").stdout
	size := strings.TrimSpace(one.want(0, "exec", "server", "busybox", "stat", "-c", "%s", "/bin/busybox").stdout)
	if !strings.HasPrefix(strings.TrimSpace(got), size+"\n") || !strings.Contains(got, "mtu 1450") {
		t.Errorf("fetched %q, the file has %s bytes", got, size)
	}
	if device := strings.TrimSpace(
		two.want(0, "network", "inspect", "-f", "{{.Definition.Overlay.Device}}", "over").stdout); !strings.Contains(
		two.tool("ip", "-d", "link", "show", device), "vxlan id 42") {
		t.Errorf("no VXLAN in %s", device)
	}
	one.want(0, "rm", "-f", "server")
	for _, h := range []*host{one, two} {
		h.want(0, "network", "rm", "over")
		if links := h.tool("ip", "-o", "link"); strings.Contains(links, "mctr") {
			t.Errorf("interfaces left:\n%s", links)
		}
	}
}
