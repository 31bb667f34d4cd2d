package cni_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// TestMain lets this binary, if it is started with "send", send three messages to itself in a
// network namespace of its own and stay.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "send" {
		runtime.LockOSThread() // exec makes this thread the process
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNET), testns.LoopbackUp(), send()); err != nil {
			fmt.Println(err)
			unix.Exit(1)
		}
		fmt.Println("done")
		fmt.Println(unix.Exec("/bin/sleep", []string{"sleep", "600"}, nil))
		unix.Exit(1)
	}
	testns.Main(m)
}

// send uses no net.Conn, because another thread may do the work of a net.Conn.
func send() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}
	for range 3 {
		if err := unix.Sendto(fd, make([]byte, 1000), 0, to); err != nil {
			return err
		}
	}
	return nil
}

// usageOf reads the usage with an isolator of an agent that has just started, which knows only the
// groups.
func usageOf(t *testing.T, id mctr.ContainerID, groups map[mctr.ContainerID]string) []mctr.NetworkUsage {
	t.Helper()
	u := &mctr.Usage{}
	h := mctr.Handle{ID: id, Cgroup: groups[id], ParentCgroup: groups[id.Parent()]}
	if err := (&host{t, t.TempDir()}).isolator().Usage(t.Context(), h, u); err != nil {
		t.Fatal(err)
	}
	return u.Networks
}

// TestUsage sends messages through lo of a namespace, and checks that they are counted.
func TestUsage(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own := isolatortest.Group(t, cgroups.Resources{}, "exec "+self+" send")
	host := isolatortest.Group(t, cgroups.Resources{}, "true")
	groups := map[mctr.ContainerID]string{"own": own, "host": host, "host.nested": own, "own.nested": own,
		"gone": filepath.Join(own, "gone")}
	for _, id := range []mctr.ContainerID{"own", "host.nested"} {
		list := usageOf(t, id, groups)
		if len(list) == 0 || list[0].Name != "lo" {
			t.Fatalf("%s: %+v, want lo", id, list)
		}
		if lo := list[0]; lo.RxBytes < 3000 || lo.RxPackets < 3 || lo.TxBytes != lo.RxBytes ||
			lo.TxPackets != lo.RxPackets || lo.RxErrors+lo.TxErrors != 0 {
			t.Errorf("%s: %+v, want three messages of 1000 bytes", id, lo)
		}
	}
	for id, why := range map[mctr.ContainerID]string{"host": "the host's", "own.nested": "its parent's",
		"gone": "that of no process"} {
		if list := usageOf(t, id, groups); list != nil {
			t.Errorf("%s has %+v, and its network is %s", id, list, why)
		}
	}
}
