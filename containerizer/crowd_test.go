package containerizer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// A crowd's processes make so many launches each, so many at once.
const (
	crowdLaunches = 70
	crowdAtOnce   = 16
)

// TestCrowd has three agents launch, wait, destroy and remove more than two hundred
// containers at once on one root, with ids that they fight over, and wants nothing
// but what the states allow to be refused, and nothing left.
func TestCrowd(t *testing.T) {
	a := newAgent(t)
	var all []*exec.Cmd
	for range 3 {
		cmd := a.agentProcess("crowd")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	ids, err := a.Containers()
	if err != nil {
		t.Fatal(err)
	}
	a.remove(ids...)
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if names := a.locks(); len(names) > 0 {
		t.Errorf("locks of what is gone: %v", names)
	}
}

// crowd is one of the agents. Half of its ids are its own, the rest everybody's.
func crowd(ctx context.Context, c *containerizer.Containerizer, image string) int {
	turns, code := make(chan int), 0
	var all sync.WaitGroup
	var mu sync.Mutex
	for range crowdAtOnce {
		all.Go(func() {
			for turn := range turns {
				id := mctr.ContainerID(fmt.Sprintf("p%d-%d", os.Getpid(), turn))
				if turn%2 == 0 {
					id = mctr.ContainerID(fmt.Sprintf("shared-%d", turn%14))
				}
				if err := liveShortly(ctx, c, id, image); err != nil {
					fmt.Fprintln(os.Stderr, id, err)
					mu.Lock()
					code = 1
					mu.Unlock()
				}
			}
		})
	}
	for turn := range crowdLaunches {
		turns <- turn
	}
	close(turns)
	all.Wait()
	return code
}

// liveShortly launches a container and takes it away again, in one of several ways.
func liveShortly(ctx context.Context, c *containerizer.Containerizer, id mctr.ContainerID, image string) error {
	way := rand.IntN(4)
	script := []string{"exit 0", "sleep 100"}[min(way, 1)]
	config := &mctr.ContainerConfig{Image: image, Process: mctr.Process{Args: []string{"sh", "-c", script}}}
	_, err := c.Launch(ctx, id, config, containerizer.LaunchOptions{Detach: way == 3})
	if err == nil {
		switch way {
		case 0:
			_, err = c.Wait(ctx, id)
		case 1:
			_, err = c.Destroy(ctx, id)
		case 2:
			err = c.Kill(ctx, id, unix.SIGKILL)
		}
	}
	if err != nil && !expected(err) {
		return err
	}
	if err := c.Remove(ctx, id, true); err != nil && !expected(err) {
		return err
	}
	return nil
}
