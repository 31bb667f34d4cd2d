// Package testns gives tests network and mount namespaces that play the host: what
// they change of links, routes, the firewall and mounts ends with them, and the
// trees that they copy, with all that is mounted in them, are in nobody's way who
// removes what it had mounted.
//
// In the kernel: the namespaces, of the test binary's process and its children. On
// disk: nothing.
package testns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/inherit"
)

// marker marks the process that is in the namespaces.
const marker = "MCTR_TESTNS"

// Main is a TestMain: it starts the test binary again in namespaces of its own, with
// lo up and every mount private, and runs the tests there. The programs that tests start
// ignore no signal, also where the caller has the tests ignore some, as nohup(1) and make(1) do.
func Main(m *testing.M) {
	inherit.Hush()
	if os.Getenv(marker) == "" {
		os.Exit(reexec())
	}
	if err := errors.Join(LoopbackUp(), applySettings(),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
		fmt.Fprintln(os.Stderr, "testns: bring lo up, set the namespace's own settings, and make all mounts private:",
			err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func reexec() int {
	runtime.LockOSThread() // the death signal is of the thread that started it (prctl(2))
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1)
	}
	fmt.Fprintln(os.Stderr, "testns:", err)
	return 1
}

// Settings are those of a host's network that a new namespace has from the machine, and
// tests take for granted: a machine that runs docker forwards packets, for instance.
var Settings = map[string]string{"net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0"}

// applySettings gives this process' namespace the Settings. A kernel without IPv6 lacks some.
func applySettings() error {
	for name, value := range Settings {
		err := os.WriteFile("/proc/sys/"+name, []byte(value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// LoopbackUp brings lo up in this thread's network namespace (netdevice(7)).
func LoopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}
