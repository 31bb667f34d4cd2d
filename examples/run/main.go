// Command run runs one command in a container, prints the command's output, and exits with the
// command's exit code:
//
//	run docker.io/library/alpine cat /etc/os-release
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/logs"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: run [flags] IMAGE COMMAND [ARG...]")
	}
	code, err := run(context.Background(), host.Config{Root: *root, State: *state}, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func run(ctx context.Context, config host.Config, image string, args []string) (code int, err error) {
	// A Host opens the image store, the networks, the isolators and the containerizer for one
	// pair of directories. Any number of processes may use the same pair.
	h, err := host.Open(config)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	c, err := h.Containers(ctx)
	if err != nil {
		return 0, err
	}

	// The zero value of each field of the config is docker's default.
	memory := int64(64 << 20)
	id := mctr.NewID()
	_, err = c.Launch(ctx, id, &mctr.ContainerConfig{
		Image:     image, // pulled if the store does not have it
		Process:   mctr.Process{Args: args},
		Resources: mctr.Resources{Memory: mctr.Memory{Limit: &memory}},
	}, containerizer.LaunchOptions{})
	if err != nil {
		return 0, err // nothing of the container is left
	}
	// The records and the log of a container stay until it is removed. Wait has no deadline,
	// because this program waits as long as the command runs.
	defer func() {
		if removed := c.Remove(ctx, id, true); err == nil {
			err = removed
		}
	}()

	end, err := c.Wait(ctx, id)
	if err != nil {
		return 0, err
	}
	err = c.Logs(ctx, id, logs.ReadOptions{Tail: -1}, func(e logs.Entry) error {
		out := os.Stdout
		if e.Stream == logs.Stderr {
			out = os.Stderr
		}
		_, err := fmt.Fprintf(out, "%s\n", e.Text)
		return err
	})
	if end.Reason != mctr.ReasonExited { // a signal, the memory limit, ...
		log.Printf("%s: %s", end.Reason, end.Message)
	}
	return end.ExitCode, err
}
