package containerizer_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// TestKilledDuringExecs kills a container while processes are on their way into it.
// One that is killed halfway is a child that nobody knows of, and the kernel keeps
// init until somebody has waited for everything in its pid namespace.
func TestKilledDuringExecs(t *testing.T) {
	killedDuringExecs(t, newAgent(t), mctr.ContainerConfig{}, "true")
}

// TestKilledDuringExecsOfHost has a container without a pid namespace of its own, where
// what gets in after the others were killed does not die with init.
func TestKilledDuringExecsOfHost(t *testing.T) {
	for _, runtime := range []string{"", "runc"} {
		t.Run(runtime, func(t *testing.T) {
			killedDuringExecs(t, newAgent(t),
				mctr.ContainerConfig{Runtime: runtime, Namespaces: mctr.Namespaces{PID: "host"}}, "sleep", "100")
		})
	}
}

func killedDuringExecs(t *testing.T, a *agent, config mctr.ContainerConfig, command ...string) {
	config.Image, config.Process.Args = a.image, []string{"sleep", "100"}
	for round := range 20 {
		a.launchConfig("job", &config)
		ctx, cancel := context.WithCancel(t.Context())
		var entering sync.WaitGroup
		for range 4 {
			entering.Go(func() { a.enter(ctx, command) })
		}
		time.Sleep(30 * time.Millisecond) // they are on their way
		within, stop := context.WithTimeout(t.Context(), 20*time.Second)
		err := a.end(within, round%2 == 0)
		stop()
		cancel()
		entering.Wait()
		if err != nil {
			t.Fatal(err)
		}
		a.remove("job")
	}
}

// end kills the job's init, or everything in it.
func (a *agent) end(ctx context.Context, alone bool) error {
	if !alone {
		_, err := a.Destroy(ctx, "job")
		return err
	}
	if err := a.Kill(ctx, "job", unix.SIGKILL); err != nil {
		return err
	}
	_, err := a.Wait(ctx, "job")
	return err
}

// enter runs the command in the job, again and again.
func (a *agent) enter(ctx context.Context, command []string) {
	for ctx.Err() == nil {
		stream, err := a.Exec(ctx, "job", containerizer.Exec{Args: command})
		if err != nil {
			if !errors.Is(err, mctr.ErrState) && ctx.Err() == nil {
				a.t.Errorf("exec in what has ended: %v", err)
			}
			continue
		}
		_, _ = stream.Copy(ctx, io.Discard, io.Discard, nil)
		_ = stream.Close()
	}
}
