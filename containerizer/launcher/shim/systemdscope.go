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

// What systemd has for a scope to be there, the end of an earlier one of the same
// name included, and a container for its end once systemd has asked for it.
const (
	scopeTime = 30 * time.Second
	stopTime  = 10 * time.Second
)

// enter moves this process to its group in a scope, which is made first if it is
// to be. The scope lasts as long as a process is in it: this one has read all
// evidence of the container's end by then.
func (s *Shim) enter(scope *wire.Scope) error {
	if scope.Unit != "" {
		if err := makeScope(scope, scopeTime); err != nil {
			return err
		}
	}
	// systemd sends SIGTERM to all in a scope that it is to stop. This process outlives it, and
	// sees to the container's end: what has not obeyed after a while is killed.
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, unix.SIGTERM)
	go func() {
		<-stopped
		time.Sleep(stopTime)
		_ = s.destroy(mctr.Limitation{Reason: mctr.ReasonDestroyed, Message: "its scope was stopped"}) // logged
	}()
	return cgroup.Enter(scope.Group)
}

// makeScope has systemd make a scope around this process, within a time.
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
		return fmt.Errorf("%w: systemd makes no %s in %s: %w (see systemctl status)", mctr.ErrUnavailable, scope.Unit,
			scope.Slice, err)
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
		if !exists(err) || !lasts(ctx, 10*time.Millisecond) {
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

// exists reports whether there is such a unit yet: that of the container's last run,
// which systemd forgets soon after the last process in it has ended.
func exists(err error) bool {
	answer, ok := errors.AsType[dbus.Error](err)
	return ok && strings.HasSuffix(answer.Name, ".UnitExists")
}

func lasts(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// properties are those of a scope that is only there to be delegated: systemd sets
// no limit, and forgets the scope however it ended (systemd.scope(5)).
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
