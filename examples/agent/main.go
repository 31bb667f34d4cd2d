// Command agent is a small agent that embeds mctr. It takes over the containers of an earlier
// process of its own, runs the tasks of its arguments, and reports exactly once how each task
// exited. It can be killed at any time: its tasks go on, and the next agent reports their exits.
//
//	agent build='make all' test='make check'
//	agent                     # reports tasks that have exited since, and waits for the others
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
)

func main() {
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Recover and Ends return the containers of this owner.
	config := host.Config{Root: *root, State: *state, Owner: "example-agent", Log: slog.NewTextHandler(os.Stderr, nil)}
	if err := serve(ctx, config, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, config host.Config, tasks []string) error {
	h, err := host.Open(config)
	if err != nil {
		return err
	}
	defer h.Close() // ends the watch; the containers go on
	c, err := h.Containers(ctx)
	if err != nil {
		return err
	}
	// Call Recover before the first launch. The error names containers that could not be taken over.
	found, err := c.Recover(ctx)
	if err != nil {
		log.Print("recover: ", err)
	}
	running := found.Adopted
	fmt.Println("adopted:", running)
	if err := report(ctx, c); err != nil {
		return err
	}
	for _, task := range tasks {
		name, script, _ := strings.Cut(task, "=")
		id := mctr.ContainerID(name)
		config := &mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sh", "-c", script}}}
		if _, err := c.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
			return err // wraps mctr.ErrExists for an id in use, for example of a repeated request
		}
		running = append(running, id)
	}
	for _, id := range running {
		if _, err := c.Wait(ctx, id); ctx.Err() != nil {
			return nil // the agent got a signal; the tasks go on
		} else if err != nil {
			return err
		}
		if err := report(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// report prints every exit that was not acknowledged. An agent that is killed between the print and
// the acknowledgement prints the exit again, so that no exit is lost.
func report(ctx context.Context, c *containerizer.Containerizer) error {
	ends, err := c.Ends(ctx)
	if err != nil {
		return err
	}
	for _, end := range ends.Ends {
		fmt.Println(end.ID, end.Termination.Reason, end.Termination.ExitCode)
		if err := c.Acknowledge(ctx, end.Key); err != nil {
			return err
		}
		// The log and the files stay until the container is removed.
		if err := c.Remove(ctx, end.ID, false); err != nil && !errors.Is(err, mctr.ErrNotFound) {
			return err
		}
	}
	return nil
}
