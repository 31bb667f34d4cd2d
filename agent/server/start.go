package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
)

// startContainer launches a container that was created, or has ended, again.
func startContainer(x *exchange) error {
	in, err := arguments[api.Start](x)
	if err != nil {
		return err
	}
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	options := containerizer.LaunchOptions{Attach: in.Attach, ConsoleSize: in.ConsoleSize}
	return x.start(options, func(ctx context.Context, o containerizer.LaunchOptions) (*launcher.Stream, error) {
		return x.Containers.Start(ctx, id, o)
	})
}

// start launches by do and answers, with the streams if they were asked for.
func (x *exchange) start(o containerizer.LaunchOptions,
	do func(context.Context, containerizer.LaunchOptions) (*launcher.Stream, error)) error {
	if o.Attach != nil {
		if err := x.asksUpgrade(); err != nil {
			return err
		}
	} else if err := x.accepts(api.JSON); err != nil {
		return err
	}
	count, header := x.metrics.launching(), x.w.Header()
	o.Step = func(s mctr.Step) { count(s); addTiming(header, s) }
	stream, err := do(x.r.Context(), o)
	if err != nil {
		return err
	}
	if stream != nil {
		return x.upgrade(stream)
	}
	return x.answer(empty{})
}
