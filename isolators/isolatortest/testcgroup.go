package isolatortest

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Group makes a control group with limits, as an engine does, runs a shell command in it, and
// returns the group's name once the command has exited. A process stays in the group until the test
// ends.
func Group(t testing.TB, limits cgroups.Resources, command string) string {
	t.Helper()
	name := "mctr-isolatortest-" + mctr.NewID().Short()
	limits.SkipDevices = true
	m, err := manager.New(&cgroups.Cgroup{Path: "/" + name, Resources: &limits})
	if err != nil {
		t.Fatal(err)
	}
	run(t, m, name, &limits, "read _; "+command+"; echo done; exec sleep 600")
	return name
}

func run(t testing.TB, m cgroups.Manager, name string, limits *cgroups.Resources, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	for _, err := range []error{inErr, outErr, cmd.Start()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		killErr := cgroup.Kill(name, 10*time.Second)
		_ = cmd.Wait() // the error says that it was killed
		if err := errors.Join(killErr, m.Destroy()); err != nil {
			t.Error(err)
		}
	})
	for _, err := range []error{m.Apply(cmd.Process.Pid), m.Set(limits)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "done\n" {
		t.Fatalf("command in the group printed %q: %v", line, err)
	}
}

// HasPressure reports whether this kernel measures how long processes of the group waited for
// controller. That is so on v2, unless the kernel was started with psi=0.
func HasPressure(group, controller string) bool {
	if !cgroup.Unified() {
		return false
	}
	_, err := os.ReadFile(filepath.Join(cgroup.Dir(controller, group), controller+".pressure"))
	return err == nil
}
