package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/isolators"
)

// open makes a containerizer that needs no images, below dir.
func open(dir string, more ...isolators.Isolator) *containerizer.Containerizer {
	helper, err := beside("mctr-helper")
	if err != nil {
		log.Fatal(err)
	}
	shim, err := beside("mctr-shim")
	if err != nil {
		log.Fatal(err)
	}
	h, err := host.Open(host.Config{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state"),
		Shim: shim, Helper: helper, Owner: "example", Isolators: more})
	if err != nil {
		log.Fatal(err)
	}
	c, err := h.Containers(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// Launch a command, wait for its end, and remove what it left.
func ExampleContainerizer_Launch() {
	dir, done := scratch()
	defer done()
	ctx, c := context.Background(), open(dir)
	defer c.Close()

	memory := int64(64 << 20)
	_, err := c.Launch(ctx, "job", &mctr.ContainerConfig{
		Process:   mctr.Process{Args: []string{"sh", "-c", "exit 7"}},
		Resources: mctr.Resources{Memory: mctr.Memory{Limit: &memory}},
	}, containerizer.LaunchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	end, err := c.Wait(ctx, "job")
	fmt.Println(end.Reason, end.ExitCode, err)
	fmt.Println(c.Remove(ctx, "job", false))
	// Output:
	// EXITED 7 <nil>
	// <nil>
}

// An id that is taken, or unknown, is an error of its own type.
func ExampleContainerizer_Wait() {
	dir, done := scratch()
	defer done()
	c := open(dir)
	defer c.Close()

	_, err := c.Wait(context.Background(), "nobody")
	fmt.Println(errors.Is(err, mctr.ErrNotFound))
	// Output: true
}

// A nested container shares its parent's network and ends with it.
func ExampleContainerizer_Launch_nested() {
	dir, done := scratch()
	defer done()
	ctx, c := context.Background(), open(dir)
	defer c.Close()

	group := &mctr.ContainerConfig{Process: mctr.Process{Pause: true}}
	task := &mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sleep", "100"}}}
	if _, err := c.Launch(ctx, "pod", group, containerizer.LaunchOptions{}); err != nil {
		fmt.Println(err)
	}
	if _, err := c.Launch(ctx, "pod.task", task, containerizer.LaunchOptions{}); err != nil {
		fmt.Println(err)
	}
	if _, err := c.Destroy(ctx, "pod"); err != nil {
		fmt.Println(err)
	}
	end, err := c.Wait(ctx, "pod.task")
	fmt.Println(end.Reason, err)
	fmt.Println(c.Remove(ctx, "pod", false))
	// Output:
	// PARENT_ENDED <nil>
	// <nil>
}

// A hostname isolator of one's own joins the table in one's own main.
func ExampleWithIsolators() {
	dir, done := scratch()
	defer done()
	ctx, c := context.Background(), open(dir, greeter{})
	defer c.Close()

	stream, err := c.Launch(ctx, "job", &mctr.ContainerConfig{
		Process: mctr.Process{Args: []string{"sh", "-c", "echo $GREETING"}},
	}, containerizer.LaunchOptions{Attach: output})
	if err != nil {
		fmt.Println(err)
		return
	}
	end, err := stream.Copy(ctx, os.Stdout, os.Stderr, nil)
	fmt.Println(end.ExitCode, err)
	fmt.Println(c.Remove(ctx, "job", true))
	// Output:
	// hello from an isolator
	// 0 <nil>
	// <nil>
}
