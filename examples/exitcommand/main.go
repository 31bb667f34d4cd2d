// Command exitcommand starts a container with a restart policy. It either stays with the container,
// or leaves it to the container's supervisor, which executes this program again after each exit:
//
//	exitcommand -detach 'date; exit 1'
//	exitcommand 'date; exit 1'
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
	detach := flag.Bool("detach", false, "do not stay with the container")
	exited := flag.Bool("exited", false, "set by a supervisor: the argument is a container's id")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: exitcommand [flags] SCRIPT")
	}
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	// A supervisor executes the command with the container's id as the last argument, in another
	// directory and with another environment. So the paths are absolute and everything is in flags.
	absRoot, _ := filepath.Abs(*root)
	absState, _ := filepath.Abs(*state)
	h, err := host.Open(host.Config{
		Root: absRoot, State: absState, Owner: "example-exit",
		ExitCommand: []string{self, "-root", absRoot, "-state", absState, "-exited"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	ctx := context.Background()
	c, err := h.Containers(ctx)
	switch {
	case err != nil:
	case *exited:
		// Exited releases the container's resources, and starts it again if its policy says so.
		err = c.Exited(ctx, mctr.ContainerID(flag.Arg(0)))
	case *detach:
		err = launch(ctx, c, containerizer.LaunchOptions{Detach: true})
	default:
		err = follow(ctx, c)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func launch(ctx context.Context, c *containerizer.Containerizer, o containerizer.LaunchOptions) error {
	id := mctr.NewID()
	fmt.Println(id)
	stream, err := c.Launch(ctx, id, &mctr.ContainerConfig{
		Process: mctr.Process{Args: []string{"sh", "-c", flag.Arg(0)}},
		Restart: mctr.RestartPolicy{Name: mctr.RestartOnFailure, Max: 2},
	}, o)
	// A stream has the output of one run. Runs has the streams of the later runs.
	for err == nil && stream != nil {
		if _, err = stream.Copy(ctx, os.Stdout, os.Stderr, nil); err == nil {
			stream = o.Runs.Next(ctx)
		}
	}
	return err
}

// follow stays with a container through its restarts.
func follow(ctx context.Context, c *containerizer.Containerizer) error {
	runs := &containerizer.Runs{Restarting: func(t *mctr.Termination) {
		fmt.Println("restarting after", t.Reason, t.ExitCode)
	}}
	runs.Attach.Output, runs.Attach.Primary = true, true
	return launch(ctx, c, containerizer.LaunchOptions{Runs: runs, Attach: &runs.Attach})
}
