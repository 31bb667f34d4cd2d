package shim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/cgroup"
)

// How long systemd may take to create a scope, including the removal of an earlier one of the same
// name, and how long a container may take to exit once systemd has asked it to.
const (
	scopeTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// enter moves this process to its cgroup in a scope. It first creates the scope if scope.Unit is
// set. The scope exists as long as a process is in it, so the shim can still read the evidence
// about the container's exit.
func (s *Shim) enter(scope *wire.Scope) error {
	if scope.Unit != "" {
		if err := makeScope(scope, scopeTimeout); err != nil {
			return err
		}
	}
	// systemd stops a scope by SIGTERM to all its processes. The shim ignores the signal, and kills
	// what has not exited after stopTime.
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, unix.SIGTERM)
	go func() {
		<-stopped
		time.Sleep(stopTimeout)
		_ = s.destroy(mctr.Limitation{Reason: mctr.ReasonDestroyed, Message: "its scope was stopped"}) // logged
	}()
	return cgroup.Enter(scope.Group)
}

// makeScope makes systemd create a scope with this process, within the given time.
func makeScope(scope *wire.Scope, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	conn, err := systemd.NewSystemdConnectionContext(ctx)
	if err == nil {
		defer conn.Close()
		err = startScope(ctx, conn, scope)
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", within)
	}
	if err != nil {
		return fmt.Errorf("%w: systemd did not create %s in %s: %w (see systemctl status)", mctr.ErrUnavailable,
			scope.Unit, scope.Slice, err)
	}
	return nil
}

func startScope(ctx context.Context, conn *systemd.Conn, scope *wire.Scope) error {
	done := make(chan string, 1)
	for {
		_, err := conn.StartTransientUnitContext(ctx, scope.Unit, "fail", properties(scope), done)
		if err == nil {
			break
		}
		if !unitExists(err) || !sleep(ctx, 10*time.Millisecond) {
			return err
		}
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("the job's result is %s", result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unitExists reports whether err says that the unit exists: that of the container's previous
// run, which systemd removes soon after its last process has exited.
func unitExists(err error) bool {
	answer, ok := errors.AsType[dbus.Error](err)
	return ok && strings.HasSuffix(answer.Name, ".UnitExists")
}

func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// properties returns the properties of a scope that serves only for delegation: systemd sets no
// limits, and removes the scope even if it failed (systemd.scope(5)).
func properties(scope *wire.Scope) []systemd.Property {
	return []systemd.Property{
		systemd.PropDescription(scope.Description),
		systemd.PropSlice(scope.Slice),
		{Name: "PIDs", Value: dbus.MakeVariant([]uint32{uint32(os.Getpid())})},
		{Name: "Delegate", Value: dbus.MakeVariant(true)},
		{Name: "TasksMax", Value: dbus.MakeVariant(uint64(math.MaxUint64))},
		{Name: "CollectMode", Value: dbus.MakeVariant("inactive-or-failed")},
	}
}
