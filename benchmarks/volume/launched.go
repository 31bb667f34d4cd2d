package volume

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/benchmarks/volume/work"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// program is where a container has mctr-bench, which does the work.
const program = "/mctr-bench"

// A launched is a container of an agent.
type launched struct {
	api agent.API
	id  mctr.ContainerID

	stream  *launcher.Stream
	output  *io.PipeReader
	answers *json.Decoder
	ended   chan struct{} // closed after the exit
	stderr  bytes.Buffer  // complete after the exit
}

func (m *machine) start(ctx context.Context, v mctr.Volume, w work.Work) (container, error) {
	if m.api == nil {
		return nil, fmt.Errorf("%w: the node does not run", mctr.ErrState)
	}
	return m.programs.launch(ctx, m.api, v, w)
}

// launch launches a container that does w.
func (p Programs) launch(ctx context.Context, api agent.API, v mctr.Volume, w work.Work) (*launched, error) {
	w.Dir = target
	argument, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	config := &mctr.ContainerConfig{
		Image: p.Image, Network: mctr.NetworkNone, Log: mctr.LogConfig{Driver: "none"},
		Process: mctr.Process{Entrypoint: &[]string{}, Args: []string{program, "volume", "work", string(argument)},
			User: "0", WorkingDir: "/"},
		Volumes: []mctr.Volume{v, {Type: mctr.VolumeBind, Source: p.Bench, Target: program, ReadOnly: true}},
	}
	l := &launched{api: api, id: mctr.NewID()}
	stream, err := api.Launch(ctx, l.id, config, attached)
	if err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	l.follow(stream)
	return l, nil
}

var attached = containerizer.LaunchOptions{Attach: &wire.Attach{Output: true, Primary: true}}

// follow reads the output of one run.
func (l *launched) follow(stream *launcher.Stream) {
	output, in := io.Pipe()
	ended := make(chan struct{})
	l.stream, l.output, l.answers, l.ended = stream, output, json.NewDecoder(output), ended
	l.stderr.Reset()
	go func() {
		defer close(ended)
		t, err := stream.Copy(context.Background(), in, &l.stderr, nil)
		if err == nil {
			err = fmt.Errorf("container %s gave no answer: %s, exit code %d: %s", l.id.Short(), t.Reason, t.ExitCode,
				strings.TrimSpace(l.stderr.String()))
		}
		_ = in.CloseWithError(err) // never fails
	}()
}

// answer implements container. A cancelled ctx ends the stream.
func (l *launched) answer(ctx context.Context) (*work.Answer, error) {
	defer context.AfterFunc(ctx, func() { _ = l.output.CloseWithError(ctx.Err()) })()
	a := &work.Answer{}
	if err := l.answers.Decode(a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a, nil
}

func (l *launched) again(ctx context.Context) error {
	if _, err := l.api.Wait(ctx, l.id); err != nil {
		return err
	}
	l.end()
	stream, err := l.api.Start(ctx, l.id, attached)
	if err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	l.follow(stream)
	return nil
}

func (l *launched) kill(ctx context.Context) error {
	if err := l.api.Kill(ctx, l.id, unix.SIGKILL); err != nil {
		return err
	}
	t, err := l.api.Wait(ctx, l.id)
	if err == nil && t.Signal != int(unix.SIGKILL) {
		err = fmt.Errorf("%w: container %s ended by itself before it was killed: %s, exit code %d: %s", mctr.ErrState,
			l.id.Short(), t.Reason, t.ExitCode, l.stderr.String())
	}
	return err
}

func (l *launched) remove(ctx context.Context) error {
	err := l.api.Remove(ctx, l.id, true)
	l.end()
	return err
}

// end ends the goroutine of follow.
func (l *launched) end() {
	_ = errors.Join(l.stream.Close(), l.output.Close()) // the stream may have ended by itself
	<-l.ended
}
