package client_test

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/client"
	"github.com/mctr/mctr/containerizer"
)

// Code that is written for agent.API works with an agent and with the library.
func Example() {
	c, err := client.New(client.Options{Address: "unix:///run/mctr/agent.sock"})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	code, err := run(context.Background(), c, "job", "docker.io/library/busybox", "date")
	fmt.Println(code, err)
}

// run runs a command in a new container, and returns the exit code.
func run(ctx context.Context, host agent.API, id mctr.ContainerID, image string, args ...string) (int, error) {
	config := &mctr.ContainerConfig{Image: image, Process: mctr.Process{Args: args}, Remove: true}
	if _, err := host.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
		return 0, err
	}
	end, err := host.Wait(ctx, id)
	if err != nil {
		return 0, err
	}
	return end.ExitCode, nil
}
