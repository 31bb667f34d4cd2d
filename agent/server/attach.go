package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// attachContainer turns the connection into the streams of a container.
func (x *exchange) attachContainer(in api.Attach) error {
	if err := x.asksUpgrade(); err != nil {
		return err
	}
	stream, err := x.attach(x.r.Context(), in.ContainerID.ID(), in.Attach)
	if err != nil {
		return err
	}
	return x.upgrade(stream)
}

// attach connects to the streams of a running container.
func (s *Server) attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	return s.Local.Attach(ctx, id, a)
}

// execContainer runs another command in a container. The connection becomes the streams of the
// command, and closing it kills the command. A detached command runs until the container exits.
func (x *exchange) execContainer(in api.Exec) error {
	if !in.Detach {
		if err := x.asksUpgrade(); err != nil {
			return err
		}
	}
	stream, err := x.Local.Exec(x.r.Context(), in.ContainerID.ID(), containerizer.Exec{
		Args: in.Args, Env: in.Env, WorkingDir: in.WorkingDir, User: in.User,
		Terminal: in.Terminal, ConsoleSize: in.ConsoleSize, Stdin: in.Stdin, Detach: in.Detach,
	})
	if err != nil {
		return err
	}
	if !in.Detach {
		return x.upgrade(stream)
	}
	defer stream.Close()
	return x.answer(empty{})
}

// heartbeat is the interval of heartbeats in a stream: the default of Mesos.
const heartbeat = 30 * time.Second

// attachOutput streams the output of a container from now on, until the container has exited. Any
// number of clients may attach. A client that is too slow misses output, which is still in the log.
func attachOutput(x *exchange, in api.ID, out *output) error {
	id := in.ContainerID.ID()
	if x.sessions.find(id) != nil {
		return fmt.Errorf("%w: session %s: its output goes only to the call that launched it", mctr.ErrState, id)
	}
	stream, err := x.attach(x.r.Context(), id, wire.Attach{Output: true})
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = out.copy(stream)
	return err
}

// copy sends the output of the stream's process until the process has exited, and returns its
// termination.
func (o *output) copy(stream *launcher.Stream) (*mctr.Termination, error) {
	if err := o.begin(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(o.x.r.Context())
	var beating sync.WaitGroup
	beating.Go(func() { o.beat(ctx, heartbeat) })
	defer beating.Wait() // no heartbeat is sent after copy returns
	defer cancel()
	return stream.Copy(ctx, pipe{o, "STDOUT"}, pipe{o, "STDERR"}, nil)
}

// beat sends heartbeats until ctx ends or sending fails.
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

// A pipe writes one standard stream to an output.
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

// inputIsAStream refuses a call for input whose body is not a stream of records.
func inputIsAStream(*exchange) error {
	return statusError{http.StatusUnsupportedMediaType,
		fmt.Errorf("%w: Content-Type: want %s, with Message-Content-Type: %s", mctr.ErrInvalid,
			api.RecordIO, api.JSON)}
}

// attachInput passes the records of the body to the stdin of a container, until the body ends or the
// container exits. A container has one writer at a time.
func (x *exchange) attachInput() error {
	answerAtOnce(x.w) // the body may not be read to its end, so the connection cannot be reused
	if m := x.r.Header.Get("Message-Content-Type"); m != api.JSON {
		code := http.StatusUnsupportedMediaType
		if m == "" {
			code = http.StatusBadRequest
		}
		return statusError{code,
			fmt.Errorf("%w: Message-Content-Type: %.64q: want %s", mctr.ErrInvalid, m, api.JSON)}
	}
	in := input{records: recordio.NewReader(x.r.Body, maxBody), http: http.NewResponseController(x.w),
		first: x.BodyTime}
	id, err := in.container()
	if err != nil {
		return err
	}
	to, done, err := x.writer(id)
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := whileConnected(x.r.Context())
	defer stop()
	if err := in.pass(ctx, to); err != nil {
		return err
	}
	return x.answer(empty{})
}

// writer acquires the input of a container or session. The caller calls done to release it.
func (x *exchange) writer(id mctr.ContainerID) (to writer, done func(), err error) {
	session := x.sessions.find(id)
	if session == nil {
		stream, err := x.attach(x.r.Context(), id, wire.Attach{Stdin: true})
		if err != nil {
			return writer{}, nil, err
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			// The stream carries no output. Copy returns when the process has exited.
			_, _ = stream.Copy(x.r.Context(), io.Discard, io.Discard, nil)
		}()
		return writer{stream, ended}, func() { _ = stream.Close(); <-ended }, nil
	}
	stream, err := session.running()
	if err != nil {
		return writer{}, nil, err
	}
	if !session.writing.CompareAndSwap(false, true) {
		return writer{}, nil, fmt.Errorf("%w: the input of session %s is taken by another client", mctr.ErrState, id)
	}
	return writer{stream, session.done}, func() { session.writing.Store(false) }, nil
}

// A writer is a stream to write input to. ended is closed when its process has exited.
type writer struct {
	*launcher.Stream
	ended <-chan struct{}
}

// An input is the body of a call of type ATTACH_CONTAINER_INPUT.
type input struct {
	records *recordio.Reader
	http    *http.ResponseController
	first   time.Duration // time limit for the first message
}

// next reads one message.
func (in input) next() (*api.Input, error) {
	record, err := in.records.Next()
	if errors.Is(err, recordio.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	if err != nil {
		return nil, err
	}
	kind, arguments, err := api.ParseCall(record)
	if err != nil {
		return nil, err
	}
	message := &api.Input{}
	if kind != api.AttachContainerInput || arguments == nil {
		return nil, statusError{http.StatusUnsupportedMediaType,
			fmt.Errorf("%w: only %s accepts a stream of records", mctr.ErrInvalid, api.AttachContainerInput)}
	}
	return message, api.Decode(arguments, message)
}

// container reads the first message, which names the container and has to arrive in time.
func (in input) container() (mctr.ContainerID, error) {
	if err := in.http.SetReadDeadline(time.Now().Add(in.first)); err != nil {
		return "", err
	}
	first, err := in.next()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", statusError{http.StatusRequestTimeout,
			fmt.Errorf("%w: no message within %s", mctr.ErrInvalid, in.first)}
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("%w: the stream is empty", mctr.ErrInvalid)
	case err != nil:
		return "", err
	case first.Type != "CONTAINER_ID" || first.ContainerID == nil:
		return "", fmt.Errorf("%w: want a first message of type CONTAINER_ID", mctr.ErrInvalid)
	}
	if err := in.http.SetReadDeadline(time.Time{}); err != nil {
		return "", err
	}
	return first.ContainerID.ID(), nil
}

// pass writes the input in all messages to the process, until the body ends or the process exits.
func (in input) pass(ctx context.Context, to writer) error {
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
		case <-to.ended:
			_ = in.http.SetReadDeadline(time.Unix(1, 0)) // interrupts a read of the body
		}
	}()
	for {
		message, err := in.next()
		select {
		case <-to.ended:
			return nil
		default:
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := to.take(ctx, message); err != nil {
			return err
		}
	}
}

// take handles one message.
func (w writer) take(ctx context.Context, m *api.Input) error {
	if m.Type != "PROCESS_IO" || m.ProcessIO == nil {
		return fmt.Errorf("%w: message of type %.64q: want PROCESS_IO", mctr.ErrInvalid, m.Type)
	}
	p := m.ProcessIO
	switch {
	case p.Type == "DATA" && p.Data != nil && p.Data.Type == "STDIN" && len(p.Data.Data) == 0:
		return w.unlessEnded(w.CloseStdin())
	case p.Type == "DATA" && p.Data != nil && p.Data.Type == "STDIN":
		_, err := w.WriteContext(ctx, p.Data.Data)
		return w.unlessEnded(err)
	case p.Type == "CONTROL" && p.Control != nil && p.Control.Type == "HEARTBEAT":
		return nil
	case p.Type == "CONTROL" && p.Control != nil && p.Control.Type == "TTY_INFO" && p.Control.TTYInfo.Size() != nil:
		return w.unlessEnded(w.Resize(*p.Control.TTYInfo.Size()))
	}
	return fmt.Errorf("%w: want a process_io that is DATA of type STDIN, or CONTROL of type TTY_INFO or HEARTBEAT",
		mctr.ErrInvalid)
}

// unlessEnded returns err, or nil if the process has exited: then a failed write is expected.
func (w writer) unlessEnded(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-w.ended:
		return nil
	case <-time.After(time.Second):
		return err
	}
}
