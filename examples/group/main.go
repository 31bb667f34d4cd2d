// Command group runs a group: tasks that share a network and limits, and that live and die
// together. When one task fails, the other one is ended.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
	flag.Parse()
	if err := run(context.Background(), host.Config{Root: *root, State: *state}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, config host.Config) error {
	h, err := host.Open(config)
	if err != nil {
		return err
	}
	defer h.Close()
	c, err := h.Containers(ctx)
	if err != nil {
		return err
	}
	pids := int64(100)
	group := &mctr.Group{
		// The root holds the namespaces that the tasks share. It has no command of its own.
		Root:      mctr.ContainerConfig{Network: mctr.NetworkNone},
		Resources: mctr.Resources{Pids: &pids}, // for all tasks together
		Tasks: map[string]mctr.ContainerConfig{
			"server": script("sleep 100"),
			"worker": script("sleep 0.2; exit 3"),
		},
	}
	id := mctr.NewID()
	if err := c.LaunchGroup(ctx, id, group, containerizer.LaunchOptions{}); err != nil {
		return err // nothing of the group is left
	}
	for _, name := range group.Names() {
		// A task is a container of its own, nested in the root: logs, exec and limits work.
		end, err := c.Wait(ctx, id.Task(name))
		if err != nil {
			return err
		}
		fmt.Println(name, end.Reason, end.ExitCode)
	}
	end, err := c.Wait(ctx, id)
	if err != nil {
		return err
	}
	fmt.Println("group", end.Reason, end.Message)
	return c.Remove(ctx, id, false) // removes the root and its tasks
}

func script(s string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sh", "-c", s}}}
}
