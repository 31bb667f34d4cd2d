package containerizer

import (
	"context"
	"fmt"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// ExamineShim returns the features of this program that the installed shim lacks. The error is
// about a shim that no launch would use.
func ExamineShim() (lacks []string, err error) {
	path, err := FindProgram("mctr-shim")
	if err != nil {
		return nil, err
	}
	hello, err := (&launcher.Launcher{Shim: path}).Hello(context.Background())
	if err != nil {
		return nil, err
	}
	for _, name := range wire.Understood() {
		if !hello.Knows(name) {
			lacks = append(lacks, name)
		}
	}
	return lacks, nil
}

// checkShim returns an error if the installed shim, which may be of another build, would ignore
// part of the config. The launch itself checks what only a launch knows, such as an image's
// health check.
func checkShim(ctx context.Context, c *Containerizer, config *mctr.ContainerConfig) error {
	create := &wire.Create{
		Runtime: config.Runtime, Log: config.Log, MaxTime: time.Duration(config.MaxCompletion),
		Transient:    config.Remove,
		ReservePorts: config.Ports,
	}
	if config.PublishAll {
		create.ReservePorts = append(create.ReservePorts, mctr.Port{})
	}
	if config.Health != nil || config.Ready != nil || config.Listen != nil && config.Listen.End {
		create.Watch = c.commands.Watch
	}
	requests := []wire.Request{{Verb: wire.VerbCreate, Create: create}, {Verb: wire.VerbStart}}
	if c.store.Scoped() {
		requests = append(requests, wire.Request{Verb: wire.VerbEnter, Scope: &wire.Scope{}})
	}
	if err := c.launcher.Check(ctx, requests...); err != nil {
		return fmt.Errorf("check the supervisor: %w", err)
	}
	return nil
}
