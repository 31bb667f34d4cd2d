// Package looptest runs the plugin of package loopdriver for tests, as a process of its own that can
// be killed. The process is the test's own binary, so that no program has to be built.
//
// On disk: the plugin's directory, in the test's temporary directory. In the kernel: the process, which
// ends with the test, and what the test had the plugin do, which the test has to undo: Start fails the
// test if mounts or loop devices remain.
package looptest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/leakcheck"
)

// env tells the test's binary to be the plugin.
const env = "MCTR_TEST_CSI_LOOP"

// Main runs the tests of a package and returns the status to exit with, for its TestMain. In a process
// that Start has started it is the plugin instead.
func Main(m *testing.M) int {
	if os.Getenv(env) == "" {
		return m.Run()
	}
	err := loopdriver.Main(context.Background(), os.Args[1:], os.Stderr)
	fmt.Fprintln(os.Stderr, "mctr-csi-loop:", err)
	return 1
}

// A Plugin is a plugin that runs, or was killed.
type Plugin struct {
	Dir    string // the plugin's directory
	Socket string

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// Start starts a plugin with more arguments of mctr-csi-loop, and waits until it answers.
func Start(t testing.TB, args ...string) *Plugin {
	t.Helper()
	dir := t.TempDir()
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{dir},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Loop}})
	p := &Plugin{Dir: filepath.Join(dir, "plugin"), Socket: filepath.Join(dir, "csi.sock"), t: t}
	p.args = append([]string{"-dir", p.Dir, "-endpoint", "unix://" + p.Socket}, args...)
	t.Cleanup(func() {
		p.Kill()
		leaks.Check()
		if t.Failed() {
			unmountAll(dir)
		}
	})
	p.Start()
	return p
}

// unmountAll removes what a failed test has left mounted below dir, the newest mounts first.
func unmountAll(dir string) {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return
	}
	for _, mount := range slices.Backward(mounts) {
		_ = unix.Unmount(mount.Mountpoint, unix.UMOUNT_NOFOLLOW) // the test has failed already
	}
}

// Start starts the plugin again, after Kill.
func (p *Plugin) Start() {
	p.t.Helper()
	p.cmd = exec.Command("/proc/self/exe", p.args...)
	p.cmd.Env = append(os.Environ(), env+"=1")
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("unix", p.Socket)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatal("the plugin does not listen: ", err)
		}
	}
}

// Kill kills the plugin with SIGKILL, if it has not died by a fault, and waits for its end.
func (p *Plugin) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it says that it was killed
	p.cmd = nil
}

// Restart kills the plugin and starts it with more arguments.
func (p *Plugin) Restart(args ...string) {
	p.t.Helper()
	p.Kill()
	p.args = append(p.args, args...)
	p.Start()
}

// Revive waits for a plugin that a fault kills, and starts it again.
func (p *Plugin) Revive() {
	p.t.Helper()
	_ = p.cmd.Wait()
	p.cmd = nil
	p.Start()
}

// Fault makes the calls named have faults, and no other call.
func (p *Plugin) Fault(faults map[string]loopdriver.Fault) {
	p.t.Helper()
	p.write(loopdriver.FaultsFile, faults)
}

// Ail makes volumes ill, and no other volume.
func (p *Plugin) Ail(ailments map[string][]loopdriver.Ailment) {
	p.t.Helper()
	p.write(loopdriver.HealthFile, ailments)
}

func (p *Plugin) write(file string, v any) {
	p.t.Helper()
	if err := atomicfile.WriteJSON(filepath.Join(p.Dir, file), v); err != nil {
		p.t.Fatal(err)
	}
}

// Calls returns the calls that the plugin has answered since the last Calls, without those of the
// Identity service and those about capabilities.
func (p *Plugin) Calls() (calls []loopdriver.Call) {
	p.t.Helper()
	path := filepath.Join(p.Dir, loopdriver.CallsFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		call := loopdriver.Call{}
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			p.t.Fatal(err)
		}
		if !preliminary[call.RPC] {
			calls = append(calls, call)
		}
	}
	if err := os.Truncate(path, 0); err != nil {
		p.t.Fatal(err)
	}
	return calls
}

// preliminary are the calls by which a client gets to know a plugin.
var preliminary = map[string]bool{"GetPluginInfo": true, "GetPluginCapabilities": true, "Probe": true,
	"ControllerGetCapabilities": true, "NodeGetCapabilities": true, "NodeGetInfo": true}

// Order returns the names of Calls, each with its code if that is not OK: "NodeStageVolume Aborted".
func (p *Plugin) Order() (order []string) {
	p.t.Helper()
	for _, call := range p.Calls() {
		name := call.RPC
		if call.Code != "OK" {
			name += " " + call.Code
		}
		order = append(order, name)
	}
	return order
}
