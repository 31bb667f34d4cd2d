package shim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
)

// attach connects the client to the container's streams. It returns the function that serves the
// connection, or nil if it failed and the client has the error.
func (p *peer) attach(a wire.Attach) (stream func()) {
	p.shim.mu.Lock()
	streams := p.shim.streams
	p.shim.mu.Unlock()
	if streams == nil {
		_ = wire.Write(p.conn, wire.Failed(errors.New("attach: the container does not exist yet")))
		return nil
	}
	if a.Stdin && !streams.takeInput() {
		_ = wire.Write(p.conn,
			wire.Failed(fmt.Errorf("%w: attach: another client writes to the input (attach without input, or wait)",
				mctr.ErrState)))
		return nil
	}
	var tees []*logs.Tee
	if a.Output {
		tees = p.watch(streams.log, a.Primary)
	}
	if err := wire.Write(p.conn, wire.Response{}); err != nil {
		if a.Stdin {
			streams.leaveInput()
		}
		return nil
	}
	leave := p.shim.attached.join(p.conn)
	return func() {
		defer leave()
		p.stream(a, streams, tees)
	}
}

// watch copies the output to the client by one tee per stream. A stream that has already ended gets
// no tee.
func (p *peer) watch(log *logs.Log, primary bool) (tees []*logs.Tee) {
	to := &chunkWriter{w: p.conn}
	for stream, name := range logStream {
		tee, err := log.AddTee(name, chunkStream{to, stream}, logs.TeeOptions{Lossy: !primary, Gap: to.gap})
		if err == nil {
			tees = append(tees, tee)
		}
	}
	return tees
}

// stream serves an attached client until it has been sent the container's exit, or disconnects.
func (p *peer) stream(a wire.Attach, s *streams, tees []*logs.Tee) {
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		p.input(s.input(a.Stdin))
	}()
	select {
	case <-lost:
		for _, tee := range tees {
			s.log.RemoveTee(tee)
		}
	case <-p.shim.ended:
		for _, tee := range tees {
			<-tee.Done()
		}
		p.sendExit(p.shim.exit)
	}
}

// sendExit sends the last chunk of a stream.
func (p *peer) sendExit(t *mctr.Termination) {
	if data, err := json.Marshal(t); err == nil {
		_ = wire.WriteChunk(p.conn, wire.Exit, data)
	}
}

// A chunkWriter multiplexes several streams onto one connection.
type chunkWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (c *chunkWriter) write(stream byte, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wire.WriteChunk(c.w, stream, data)
}

func (c *chunkWriter) gap(n int64) error {
	return c.write(wire.Dropped, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// A chunkStream writes one of the streams of a chunkWriter.
type chunkStream struct {
	to     *chunkWriter
	stream byte
}

func (s chunkStream) Write(p []byte) (int, error) {
	if err := s.to.write(s.stream, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close leaves the connection open, because the exit is sent on it later.
func (chunkStream) Close() error { return nil }

// An input receives what a client sends. Each function may be nil.
type input struct {
	stdin        *os.File // nil if this client may not write to it
	close        func()   // ends stdin
	left         func()   // called when the client is done with stdin
	resize       func(wire.Size)
	signal       func(unix.Signal)
	disconnected func() // called when the client disconnects or violates the protocol
}

// input reads the client's chunks until the client disconnects.
func (p *peer) input(to input) {
	f := &stdinWriter{stdin: to.stdin, credit: p.credit, close: to.close, left: to.left,
		uncounted: !p.hello.Knows(wire.Counted)}
	if to.stdin != nil {
		f.begin()
		defer f.leave()
	}
	if to.disconnected != nil {
		defer to.disconnected()
	}
	var buf []byte
	for {
		stream, data, err := wire.ReadChunk(p.conn, buf)
		if err == nil {
			err = to.take(f, stream, data)
		}
		if err != nil {
			return
		}
		buf = data[:cap(data)]
	}
}

// credit allows the client to send n more bytes of stdin.
func (p *peer) credit(n int) {
	_ = wire.WriteChunk(p.conn, wire.Credit, binary.BigEndian.AppendUint32(nil, uint32(n)))
}

func (to input) take(f *stdinWriter, stream byte, data []byte) error {
	switch {
	case stream == wire.Stdin && to.stdin == nil:
		f.credit(len(data)) // the data is dropped
	case stream == wire.Stdin:
		return f.put(data)
	case stream == wire.EOF && to.stdin != nil:
		f.end()
	case stream == wire.Resize && to.resize != nil && len(data) == 4:
		to.resize(wire.Size{Width: binary.BigEndian.Uint16(data), Height: binary.BigEndian.Uint16(data[2:])})
	case stream == wire.Signals && to.signal != nil && len(data) == 4:
		to.signal(unix.Signal(binary.BigEndian.Uint32(data)))
	}
	return nil
}
