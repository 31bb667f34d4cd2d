package shim

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestHungSystemd has a systemd that accepts connections and never answers. makeScope must give up
// in time.
func TestHungSystemd(t *testing.T) {
	err := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and its namespace with it
		err <- underHungSystemd(func() error {
			return makeScope(&wire.Scope{Unit: "mctr-test.scope", Slice: "system.slice"}, 200*time.Millisecond)
		})
	}()
	if err := <-err; !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "no answer within 200ms (see systemctl status)") {
		t.Errorf("got %v", err)
	}
}

// underHungSystemd calls do in a mount namespace with its own /run.
func underHungSystemd(do func() error) error {
	err := errors.Join(
		unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, ""), os.MkdirAll("/run/systemd", 0o755),
	)
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", "/run/systemd/private")
	if err != nil {
		return err
	}
	defer l.Close()
	return do()
}
