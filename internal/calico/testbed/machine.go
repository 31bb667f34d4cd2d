package testbed

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Machine is a set of namespaces that plays a machine.
type Machine struct {
	Name string
	Dir  string // its directory for logs and state

	t      testing.TB
	init   *exec.Cmd
	pid    int // its first process, in the test's process namespace
	served []served
}

// served is a program that runs until the machine ends, with its log file.
type served struct {
	cmd *exec.Cmd
	log string
}

// asMachine is the script of the first process: it hides the host's directories where Calico,
// ip-netns(8) and xtables keep their state, reports that the machine is up, and reaps processes. It
// hides /etc/calico only if the host has one.
const asMachine = `set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
[ ! -d /etc/calico ] || mount -t tmpfs tmpfs /etc/calico
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo up
sleep infinity &
wait`

// newMachine starts a machine and ends it, with everything in it, at the end of the test.
func newMachine(t testing.TB, name, dir string) *Machine {
	t.Helper()
	m := &Machine{Name: name, Dir: filepath.Join(dir, name), t: t}
	if err := os.MkdirAll(m.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.init = exec.Command("unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
		"--mount-proc", "bash", "-c", asMachine)
	m.init.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.init.Stderr = os.Stderr
	said, err := m.init.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.init.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.end)
	if line, _ := bufio.NewReader(said).ReadString('\n'); line != "up\n" {
		t.Fatalf("%s did not come up", name)
	}
	m.pid = m.child()
	return m
}

// child returns the first process of the new process namespace, the only child of unshare.
func (m *Machine) child() int {
	m.t.Helper()
	outer := strconv.Itoa(m.init.Process.Pid)
	data, err := os.ReadFile(filepath.Join("/proc", outer, "task", outer, "children"))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || convErr != nil {
		m.t.Fatalf("%s: first process: %q: %v", m.Name, data, err)
	}
	return pid
}

// end kills the first process; the kernel kills all others of the machine with it.
func (m *Machine) end() {
	if m.pid > 0 {
		_ = syscall.Kill(m.pid, syscall.SIGKILL) // fails if the process has already exited
	}
	_ = m.init.Process.Kill()
	_ = m.init.Wait() // fails because the process was killed
	for _, s := range m.served {
		_ = s.cmd.Wait() // killed with the machine
		if m.t.Failed() {
			m.t.Logf("%s on %s, the end:\n%s", filepath.Base(s.log), m.Name, tail(s.log, 4000))
		}
	}
}

// Command returns a program to run on the machine, with env in addition to the test's variables.
// The program ends with ctx, its descendants with the machine.
func (m *Machine) Command(ctx context.Context, env []string, program string, args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(m.pid), "--net", "--mount", "--pid", "--", program}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	return cmd
}

// enterNet runs a program in the machine's network but in the test's process namespace, so that it
// can name processes by the test's pids.
func (m *Machine) enterNet(program string, args ...string) {
	m.t.Helper()
	enter := append([]string{"--target", strconv.Itoa(m.pid), "--net", "--", program}, args...)
	if out, err := exec.Command("nsenter", enter...).CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %s %s: %v\n%s", m.Name, program, strings.Join(args, " "), err, out)
	}
}

// patience limits the duration of a command that should end by itself.
const patience = 30 * time.Second

// Try runs a program and returns its stdout. The error includes its stderr.
func (m *Machine) Try(env []string, program string, args ...string) (string, error) {
	return m.TryWith("", env, program, args...)
}

// TryWith is Try with input.
func (m *Machine) TryWith(input string, env []string, program string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := m.Command(ctx, env, program, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %s %s: %w: %s", m.Name, filepath.Base(program), strings.Join(args, " "), err,
			bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), err
}

// Run is Try that must succeed.
func (m *Machine) Run(env []string, program string, args ...string) string {
	m.t.Helper()
	out, err := m.Try(env, program, args...)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// Serve runs a program until the machine ends, and restarts it when it exits, as Felix expects when
// the encapsulation changes. Its output goes to a file, whose end a failing test shows.
func (m *Machine) Serve(name string, env []string, program string, args ...string) {
	m.t.Helper()
	log, err := os.Create(filepath.Join(m.Dir, name+".log"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	cmd := m.Command(context.Background(), env, "bash",
		append([]string{"-c", `while :; do "$@"; echo "ended: $?"; sleep 0.2; done`, name, program}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.served = append(m.served, served{cmd, log.Name()})
}

// tail returns the end of a file.
func tail(path string, size int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	_, _ = f.Seek(-size, io.SeekEnd) // a smaller file is read from its beginning
	data, _ := io.ReadAll(f)         // as much as can be read
	return string(data)
}
