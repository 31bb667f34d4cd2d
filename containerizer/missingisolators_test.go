package containerizer_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/cgroup"
)

// TestIsolatorAnotherProcessLacks has processes release, reconcile and remove a
// container that an isolator prepared which they do not have: they release the rest, keep
// the records, and say which isolator it takes. A process that has it finishes.
func TestIsolatorAnotherProcessLacks(t *testing.T) {
	for name, try := range map[string]func(context.Context, *containerizer.Containerizer) error{
		"clean up": func(ctx context.Context, c *containerizer.Containerizer) error {
			return c.Cleanup(ctx, "job")
		},
		"clean up all": func(ctx context.Context, c *containerizer.Containerizer) error { return c.CleanupEnded(ctx) },
		"reconcile": func(ctx context.Context, c *containerizer.Containerizer) error {
			_, err := c.Reconcile(ctx)
			return err
		},
		"remove": func(ctx context.Context, c *containerizer.Containerizer) error {
			return c.Remove(ctx, "job", false)
		},
		"remove by force": func(ctx context.Context, c *containerizer.Containerizer) error {
			return c.Remove(ctx, "job", true)
		},
		"start": func(ctx context.Context, c *containerizer.Containerizer) error {
			_, err := c.Start(ctx, "job", containerizer.LaunchOptions{})
			return err
		},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", STATE was lost"}[lost], func(t *testing.T) {
				h := &holder{}
				a := newAgent(t, h)
				with, builtin := a.table, a.table[:len(a.table)-1]
				a.endsUnseen("job", a.config("true"))
				if lost {
					wipe(t, a.state)
				}
				a.table = builtin
				other, err := a.tryOpen(containerizer.WithOwner("cli"), containerizer.WithExitCommand("true"))
				if err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				known := name == "clean up all" && lost // of which STATE knows nothing
				err = try(t.Context(), other)
				// it leaves alone what its shim still has
				for n := 0; name == "clean up all" && !known && err == nil && n < 500; n++ {
					time.Sleep(10 * time.Millisecond)
					err = try(t.Context(), other)
				}
				if !known && (!errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), "test/holder")) {
					t.Errorf("got %v", err)
				}
				if h.held.Load() == 0 {
					t.Fatal("the test's isolator was asked")
				}
				if dirs := cgroup.Dirs(a.prefix() + "/job"); len(dirs) > 0 && !known {
					t.Errorf("control groups are left: %q", dirs)
				}
				if _, err := os.Lstat(a.root + "/containers/job/config.json"); err != nil {
					t.Error("the record is gone:", err)
				}
				a.table = with
				a.Containerizer = a.open()
				if _, err := a.Recover(t.Context()); err != nil {
					t.Error(err)
				}
				a.remove("job")
				if n := h.held.Load(); n != 0 {
					t.Errorf("it holds %d", n)
				}
			})
		}
	}
}
