package containerizer_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// An agent in fifty lines: it takes over what an earlier agent left, runs what it
// is told to, says how each task ended, and leaves running tasks to the next one.
func Example_agent() {
	dir, done := scratch()
	defer done()
	ctx := context.Background()

	first := open(dir)
	tasks := map[mctr.ContainerID]string{"short": "exit 3", "long": "sleep 100"}
	for id, script := range tasks {
		config := &mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sh", "-c", script}}}
		if _, err := first.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
			slog.Error("launch", "task", id, "error", err)
		}
	}
	end, err := first.Wait(ctx, "short")
	if err != nil {
		slog.Error("wait", "error", err)
		return
	}
	fmt.Println("short:", end.Reason, end.ExitCode)
	if err := first.Close(); err != nil { // the agent ends; its containers do not
		slog.Error("close", "error", err)
	}

	second := open(dir) // upgraded, or restarted after a crash
	defer second.Close()
	found, err := second.Recover(ctx)
	if err != nil {
		slog.Error("recover", "error", err)
	}
	fmt.Println("adopted:", found.Adopted)
	for _, id := range found.Adopted {
		end, err := second.Destroy(ctx, id)
		if err != nil {
			slog.Error("destroy", "error", err)
			continue
		}
		fmt.Println(id+":", end.Reason)
	}
	for id := range tasks {
		if err := second.Remove(ctx, id, true); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	// Output:
	// short: EXITED 3
	// adopted: [long]
	// long: DESTROYED
}
