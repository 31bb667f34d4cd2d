// Package testns runs tests in network and mount namespaces that play the host: changes of links,
// routes, the firewall and mounts disappear with the namespaces, and a copied tree of mounts does
// not keep another process from unmounting and removing what it mounted.
//
// In the kernel: the namespaces of the test binary's process and its children. On disk: nothing.
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

// Main is a TestMain: it starts the test binary again in new namespaces, with lo up and every mount
// private, and runs the tests there. Programs that tests start do not ignore any signal, even if
// nohup(1) or make(1) made the test binary ignore some.
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
	runtime.LockOSThread() // the death signal is sent when the parent thread ends (prctl(2))
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

// Settings are the network settings that tests rely on. A new namespace would inherit them from the
// machine: one that runs docker forwards packets, for instance.
var Settings = map[string]string{"net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0"}

// applySettings applies Settings to the network namespace. A kernel without IPv6 lacks some of
// them.
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
