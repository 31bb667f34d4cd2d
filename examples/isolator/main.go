// Command isolator runs a container with an isolator of its own in addition to the built-in ones:
// see link.go. The test in this directory runs the conformance suite that mctr's own isolators
// pass.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/logs"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
	flag.Parse()
	if err := run(context.Background(), host.Config{
		Root: *root, State: *state,
		// Every process that releases these containers needs the isolator. A process without it leaves
		// them alone, and names the isolator that it lacks.
		Isolators: []isolators.Isolator{link{}},
	}); err != nil {
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
	id := mctr.NewID()
	_, err = c.Launch(ctx, id, &mctr.ContainerConfig{
		Process:     mctr.Process{Args: []string{"cat", "/sys/class/net/" + id.Interface(prefix) + "/mtu"}},
		Network:     mctr.NetworkHost, // to see the host's interfaces
		Annotations: map[string]string{annotation: "1400"},
	}, containerizer.LaunchOptions{})
	if err != nil {
		return err
	}
	if _, err := c.Wait(ctx, id); err != nil {
		return err
	}
	if err := c.Logs(ctx, id, logs.ReadOptions{Tail: -1}, func(e logs.Entry) error {
		fmt.Printf("the container's interface has MTU %s\n", e.Text)
		return nil
	}); err != nil {
		return err
	}
	return c.Remove(ctx, id, false)
}
