package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/benchmarks/network"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// program returns the path of a built program.
func program(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/mctr-bench")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatal(err, "(make build)")
	}
	return path
}

// clean checks that the benchmark leaves nothing on the host and no directory. Temporary files go to a
// directory below parent whose name no other run has.
func clean(t *testing.T, parent string) {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // a failure is reported below
	t.Setenv("TMPDIR", dir)
	host := leakcheck.Snapshot(t, leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Link, leakcheck.Rule}})
	mounts := leakcheck.Snapshot(t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Netns},
			Names: []string{os.Getenv("TMPDIR")}})
	groups := leakcheck.Snapshot(t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Cgroup}, Names: []string{filepath.Base(dir) + "-"}})
	t.Cleanup(func() {
		host.Check()
		mounts.Check()
		groups.Check()
		if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// quick has flags for a short run whose results do not matter.
var quick = []string{"network", "-q", "--rounds", "1", "--duration", "20ms", "--conns", "4", "--attach", "1"}

func report(t *testing.T, path string) *network.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &network.Report{}
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// check checks that every load of each case has results.
func check(t *testing.T, r *network.Report, cases int) {
	t.Helper()
	if len(r.Cases) != cases {
		t.Fatalf("%d cases, want %d", len(r.Cases), cases)
	}
	for _, m := range r.Cases {
		if m.Failed != "" || len(m.Errors) > 0 || len(m.Slots) != 1 {
			t.Errorf("%s: %d slots, failed %q, errors %q", m.Name, len(m.Slots), m.Failed, m.Errors)
			continue
		}
		for _, samples := range []map[string]network.Sample{m.Slots[0].Case, m.Slots[0].Base} {
			for _, name := range []string{"rr1", "rrN", "crr", "udp", "stream"} {
				if s := samples[name]; s.Transactions == 0 || s.CPUNanos == 0 ||
					name != "stream" && (s.TPS == 0 || s.P99 < s.P50 || s.P50 == 0) ||
					name == "stream" && s.Gbits == 0 {
					t.Errorf("%s, %s: %+v", m.Name, name, s)
				}
			}
		}
	}
}

// TestOneMachine runs all cases that need only the kernel, and writes all output files.
func TestOneMachine(t *testing.T) {
	clean(t, t.TempDir())
	dir := t.TempDir()
	args := append(quick, "--json", dir+"/r.json", "--html", dir+"/r.html", "--svg", dir+"/r.svg")
	for _, c := range []string{"direct-host", "direct-bridge", "bridge", "vxlan", "udp", "sealed"} {
		args = append(args, "--case", c)
	}
	out, err := exec.Command(program(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := report(t, dir+"/r.json")
	check(t, r, 7)
	for _, want := range []string{"not separated", "vxlan-vxlan", "0.43", "1450", "is an imitation of Weave",
		"calico-ipip cannot be run", "load afterwards", "mctr's own p50"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tables lack %q:\n%s", want, out)
		}
	}
	if len(r.Attachments) != 4 || r.Attachments[0].Ratio <= 0 {
		t.Errorf("attachments: %+v", r.Attachments)
	}
	page, err := os.ReadFile(dir + "/r.html")
	if err != nil || strings.Count(string(page), "<svg") != 4 || regexp.MustCompile(`(src|href)="http`).Match(page) {
		t.Errorf("the page has %d pictures, or needs the network: %v", strings.Count(string(page), "<svg"), err)
	}
}

// TestBelowDev runs the benchmark from a directory below /dev, which is another /dev in a container.
func TestBelowDev(t *testing.T) {
	clean(t, "/dev/shm")
	data, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	below, err := os.MkdirTemp("/dev/shm", "program")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(below) })
	if err := os.WriteFile(below+"/mctr-bench", data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/r.json"
	args := append(quick, "--bin", filepath.Dir(program(t)), "--case", "bridge", "--json", file, "--attach", "0")
	if out, err := exec.Command(below+"/mctr-bench", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check(t, report(t, file), 2)
}

// TestTwoMachines plays two machines with two namespaces. The server starts when a client with its
// token connects, and ends with the client.
func TestTwoMachines(t *testing.T) {
	clean(t, t.TempDir())
	pids := make([]string, 2)
	for i := range pids {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
		pids[i] = strconv.Itoa(cmd.Process.Pid)
	}
	within := func(i int, argv ...string) *exec.Cmd {
		return exec.Command("nsenter", append([]string{"--net=/proc/" + pids[i] + "/ns/net", "--"}, argv...)...)
	}
	steps := []*exec.Cmd{exec.Command("ip", "link", "add", "pair0", "netns", pids[0], "type", "veth", "peer", "name",
		"pair1", "netns", pids[1])}
	for i := range pids {
		steps = append(steps, within(i, "ip", "link", "set", "lo", "up"),
			within(i, "ip", "address", "add", "192.0.2."+strconv.Itoa(i+1)+"/24", "dev", "pair"+strconv.Itoa(i)),
			within(i, "ip", "link", "set", "pair"+strconv.Itoa(i), "up"))
	}
	for _, s := range steps {
		if out, err := s.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", s.Args, err, out)
		}
	}
	server := within(1, program(t), "network", "--server", "192.0.2.2:7707")
	server.Stderr = os.Stderr
	said, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) == 0 {
		t.Fatal(line, err)
	}
	token := words[len(words)-1]
	if out, err := within(0,
		append([]string{program(t)},
			append(quick, "--client", "192.0.2.2:7707", "--token", "wrong")...)...).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "token is wrong") {
		t.Errorf("a wrong token: %v %s", err, out)
	}
	file := t.TempDir() + "/r.json"
	args := append([]string{program(t)},
		append(quick, "--client", "192.0.2.2:7707", "--token", token, "--case", "bridge", "--case", "vxlan", "--json",
			file)...)
	if out, err := within(0, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	done := make(chan error, 1)
	go func() { done <- server.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not end")
		_ = server.Process.Kill()
	}
	check(t, report(t, file), 3)
}

// TestInterrupted interrupts a run with a signal, and checks that nothing is left.
func TestInterrupted(t *testing.T) {
	clean(t, t.TempDir())
	cmd := exec.Command(program(t), "network", "--case", "vxlan", "--case", "sealed", "--rounds", "1000", "--attach",
		"0")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "round 1") {
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended as if nothing had been")
	}
}

// TestRefuses checks that invalid flags are refused by name before anything is created.
func TestRefuses(t *testing.T) {
	clean(t, t.TempDir())
	for flags, want := range map[string]string{
		"--case weave": `case "weave"`, "--rounds 0": "at least one round", "--duration 2m": "duration",
		"--conns 0": "connections", "--server here": "ADDRESS:PORT",
		"--server 0.0.0.0:1": "ADDRESS:PORT", "--client 1.1.1.1": "ADDRESS:PORT", "--bin /nowhere": "mctr-shim",
		"--calico /nowhere": "/nowhere", "--server 127.0.0.1:1 --client 127.0.0.1:1": "cannot be combined",
		"more": "unknown command",
	} {
		out, err := exec.Command(program(t), append([]string{"network"}, strings.Fields(flags)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s, want %q", flags, err, out, want)
		}
	}
}
