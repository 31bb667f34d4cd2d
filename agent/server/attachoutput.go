package server

import (
	"context"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// heartbeat is how often a stream says that it lives: Mesos' default.
const heartbeat = 30 * time.Second

// attachOutput streams what a container prints from now on, until it has ended.
// Any number may watch; one that is too slow misses some, and the log has it.
func attachOutput(x *exchange, in api.ID, out *output) error {
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	if x.sessions.find(id) != nil {
		return errSessionOutput(id)
	}
	stream, err := x.attach(x.r.Context(), id, wire.Attach{Output: true})
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = out.copy(stream)
	return err
}

// copy sends what comes from the stream until its process has ended, and says how
// it did.
func (o *output) copy(stream *launcher.Stream) (*mctr.Termination, error) {
	if err := o.begin(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(o.x.r.Context())
	var beating sync.WaitGroup
	beating.Go(func() { o.beat(ctx, heartbeat) })
	defer beating.Wait() // nothing is sent when the call is over
	defer cancel()
	return stream.Copy(ctx, pipe{o, "STDOUT"}, pipe{o, "STDERR"}, nil)
}

// beat sends heartbeats until ctx ends or nobody takes them.
func (o *output) beat(ctx context.Context, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	message := api.ProcessIO{Type: "CONTROL", Control: &api.Control{
		Type: "HEARTBEAT", Heartbeat: &api.Heartbeat{Interval: &api.Duration{Nanoseconds: int64(every)}},
	}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			if o.send(message) != nil {
				return
			}
		}
	}
}

// A pipe is one standard stream in an output.
type pipe struct {
	to   *output
	name string
}

func (p pipe) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	err := p.to.send(api.ProcessIO{Type: "DATA", Data: &api.Data{Type: p.name, Data: data}})
	return len(data), err
}
