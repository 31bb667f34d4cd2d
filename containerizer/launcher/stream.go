package launcher

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/fields"
)

// A Stream carries the standard streams of a container or of an exec session. The writing methods
// may be called concurrently with each other and with Copy.
type Stream struct {
	client *Client
	mu     sync.Mutex // serializes chunks
	stdin  *window
	Pid    int // of an exec process, in the host's pid namespace
}

// NewStream returns the stream that another process relays over conn with Relay.
func NewStream(conn net.Conn) *Stream { return newStream(&Client{conn: conn}) }

func newStream(c *Client) *Stream { return &Stream{client: c, stdin: newWindow()} }

// Relay hands the stream to peer, the other end of which is a NewStream in another process. It
// copies all bytes in both directions until either side closes its connection.
func (s *Stream) Relay(peer net.Conn) {
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = errors.Join(to.Close(), from.Close())
	}
	both.Go(func() { pass(s.client.conn, peer) })
	pass(peer, s.client.conn)
	both.Wait()
}

// Attach turns the client into a stream of the container's stdin and output.
func (c *Client) Attach(ctx context.Context, a wire.Attach) (*Stream, error) {
	if _, err := c.ask(ctx, wire.Request{Verb: wire.VerbAttach, Attach: &a}); err != nil {
		return nil, err
	}
	return newStream(c), nil
}

// Exec runs a process in the container and turns the client into its stream.
func (c *Client) Exec(ctx context.Context, e wire.Exec) (*Stream, error) {
	answer, err := c.ask(ctx, wire.Request{Verb: wire.VerbExec, Exec: &e})
	if err != nil {
		return nil, err
	}
	s := newStream(c)
	s.Pid = answer.Pid
	return s, nil
}

// Write sends stdin. Once wire.Window bytes are under way, Write waits until the process reads;
// Copy must be running then, because it receives the shim's reports. The error wraps net.ErrClosed
// when the stream has ended.
func (s *Stream) Write(p []byte) (sent int, err error) {
	return s.WriteContext(context.Background(), p)
}

// WriteContext is Write, but waits no longer than until ctx ends.
func (s *Stream) WriteContext(ctx context.Context, p []byte) (sent int, err error) {
	for sent < len(p) {
		n, err := s.stdin.acquire(ctx, len(p)-sent)
		if err != nil {
			return sent, fmt.Errorf("write stdin: %w", err)
		}
		if err := s.chunk(wire.Stdin, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// CloseStdin sends the end of stdin.
func (s *Stream) CloseStdin() error { return s.chunk(wire.EOF, nil) }

// Resize sets the terminal's size.
func (s *Stream) Resize(size wire.Size) error {
	data := binary.BigEndian.AppendUint16(nil, size.Width)
	return s.chunk(wire.Resize, binary.BigEndian.AppendUint16(data, size.Height))
}

// Signal sends sig to the exec process.
func (s *Stream) Signal(sig unix.Signal) error {
	return s.chunk(wire.Signals, binary.BigEndian.AppendUint32(nil, uint32(sig)))
}

func (s *Stream) chunk(stream byte, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.WriteChunk(s.client.conn, stream, data)
}

// Close closes the stream. An exec process that is not detached is killed.
func (s *Stream) Close() error {
	s.stdin.close()
	return s.client.Close()
}

// Copy writes the output to stdout and stderr until the process has exited, and returns how it
// exited. gap, which may be nil, is called with the number of bytes that the shim left out. The
// error wraps mctr.ErrUnavailable when the shim has exited before.
func (s *Stream) Copy(ctx context.Context, stdout, stderr io.Writer,
	gap func(bytes uint64)) (*mctr.Termination, error) {
	stop := s.client.bound(ctx, 0)
	defer stop()
	defer s.stdin.close()
	var buf []byte
	for {
		stream, data, err := wire.ReadChunk(s.client.conn, buf)
		if err != nil {
			return nil, s.client.connectionError(ctx, "stream", err)
		}
		buf = data[:cap(data)]
		switch stream {
		case wire.Stdout:
			_, err = stdout.Write(data)
		case wire.Stderr:
			_, err = stderr.Write(data)
		case wire.Credit:
			if len(data) == 4 {
				s.stdin.release(int(binary.BigEndian.Uint32(data)))
			}
		case wire.Dropped:
			if gap != nil && len(data) == 8 {
				gap(binary.BigEndian.Uint64(data))
			}
		case wire.Exit:
			t := &mctr.Termination{}
			if err := fields.Unmarshal(data, t); err != nil {
				return nil, fmt.Errorf("%w: exit: %w", wire.ErrProtocol, err)
			}
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("write output: %w", err)
		}
	}
}
