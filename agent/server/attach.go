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

// attachContainer gives the connection a container's streams.
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

// attach joins the streams of a container that runs.
func (s *Server) attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	return s.Local.Attach(ctx, id, a)
}

// execContainer runs one more command in a container. Its streams are the
// connection's, with which it dies; a detached one lives with the container.
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

// heartbeat is how often a stream says that it lives: Mesos' default.
const heartbeat = 30 * time.Second

// attachOutput streams what a container prints from now on, until it has ended.
// Any number may watch; one that is too slow misses some, and the log has it.
func attachOutput(x *exchange, in api.ID, out *output) error {
	id := in.ContainerID.ID()
	if x.sessions.find(id) != nil {
		return fmt.Errorf("%w: the output of session %s goes to the call that launched it", mctr.ErrState, id)
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

// beat sends heartbeats until ctx ends or the client does not take them.
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

// inputIsAStream refuses a call for input that does not come as a stream of records.
func inputIsAStream(*exchange) error {
	return statusError{http.StatusUnsupportedMediaType,
		fmt.Errorf("%w: Content-Type: input is sent as %s, with Message-Content-Type: %s", mctr.ErrInvalid,
			api.RecordIO, api.JSON)}
}

// attachInput passes the records of the body on to a container's stdin, until the
// body or the container ends. There is one writer at a time.
func (x *exchange) attachInput() error {
	answerAtOnce(x.w) // the connection takes no other call: how far the body was read is unknown
	if m := x.r.Header.Get("Message-Content-Type"); m != api.JSON {
		code := http.StatusUnsupportedMediaType
		if m == "" {
			code = http.StatusBadRequest
		}
		return statusError{code,
			fmt.Errorf("%w: Message-Content-Type: %.64q: messages are %s", mctr.ErrInvalid, m, api.JSON)}
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

// writer takes the input of a container or session. done gives it back.
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
			_, _ = stream.Copy(x.r.Context(), io.Discard, io.Discard, nil) // the only output is the end
		}()
		return writer{stream, ended}, func() { _ = stream.Close(); <-ended }, nil
	}
	stream, err := session.running()
	if err != nil {
		return writer{}, nil, err
	}
	if !session.writing.CompareAndSwap(false, true) {
		return writer{}, nil, fmt.Errorf("%w: the input of session %s is taken", mctr.ErrState, id)
	}
	return writer{stream, session.done}, func() { session.writing.Store(false) }, nil
}

// A writer is a stream to write to, until it has ended.
type writer struct {
	*launcher.Stream
	ended <-chan struct{}
}

// An input is the body of a call.
type input struct {
	records *recordio.Reader
	http    *http.ResponseController
	first   time.Duration // for the first message to arrive
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
			fmt.Errorf("%w: a stream of records is for %s alone", mctr.ErrInvalid, api.AttachContainerInput)}
	}
	return message, api.Decode(arguments, message)
}

// container reads the first message, which has to arrive in time.
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
		return "", fmt.Errorf("%w: the first message is of type CONTAINER_ID", mctr.ErrInvalid)
	}
	if err := in.http.SetReadDeadline(time.Time{}); err != nil {
		return "", err
	}
	return first.ContainerID.ID(), nil
}

// pass writes all messages to the process, until the body or the process ends.
func (in input) pass(ctx context.Context, to writer) error {
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
		case <-to.ended:
			_ = in.http.SetReadDeadline(time.Unix(1, 0)) // the body is waited for no longer
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

// take does what one message asks for.
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
	return fmt.Errorf("%w: a process_io is DATA of type STDIN, or CONTROL of type TTY_INFO or HEARTBEAT",
		mctr.ErrInvalid)
}

// unlessEnded is err of a stream that has not ended meanwhile.
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
