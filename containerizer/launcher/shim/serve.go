package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/peerclose"
)

// serve handles the requests of one client until it disconnects.
func (s *Shim) serve(conn *net.UnixConn) {
	defer conn.Close()
	if err := checkPeer(conn); err != nil {
		s.log.Error("refuse a client", "error", err)
		return
	}
	p := &peer{shim: s, conn: conn}
	defer p.disconnected()
	if err := p.greet(); err != nil {
		return
	}
	for {
		request, err := wire.ReadRequest(conn)
		if errors.Is(err, mctr.ErrUnsupported) {
			_ = wire.Write(conn, wire.Failed(err))
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) {
				s.log.Debug("read a request", "error", err)
			}
			return
		}
		if stream := p.handle(request); stream != nil {
			stream()
			return
		}
	}
}

// checkPeer refuses clients of another user than the shim's. The socket's directory is closed to
// other users already; checkPeer protects the shim even if its mode is wrong.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return err
	}
	if int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("client has uid %d", cred.Uid)
	}
	return nil
}

// A peer is a connected client.
type peer struct {
	shim  *Shim
	conn  *net.UnixConn
	clean bool // the client promised to clean up
	hello wire.Hello
}

func (p *peer) greet() error {
	if err := wire.Read(p.conn, &p.hello); err != nil {
		return err
	}
	if err := wire.Write(p.conn, wire.ShimHello()); err != nil {
		return err
	}
	_, err := p.hello.Agreed()
	return err
}

// handle answers one request. For a verb that turns the connection into a stream, it returns the
// function that serves the stream.
func (p *peer) handle(r wire.Request) (stream func()) {
	switch {
	case r.Verb == wire.VerbAttach && r.Attach != nil:
		return p.attach(*r.Attach)
	case r.Verb == wire.VerbExec && r.Exec != nil:
		return p.exec(*r.Exec)
	case r.Verb == wire.VerbWait:
		p.wait(r.Wait)
	default:
		answer, err := p.do(r)
		if err != nil {
			answer = wire.Failed(err)
		}
		_ = wire.Write(p.conn, answer)
	}
	return nil
}

func (p *peer) do(r wire.Request) (answer wire.Response, err error) {
	s := p.shim
	switch {
	case r.Verb == wire.VerbEnter && r.Scope != nil:
		if err = s.lease(p); err == nil {
			err = s.enter(r.Scope)
		}
	case r.Verb == wire.VerbCreate && r.Create != nil:
		if err = s.lease(p); err == nil {
			answer.Created, err = s.Create(context.Background(), r.Create)
		}
	case r.Verb == wire.VerbStart:
		err = s.Start(p, r.Start != nil && r.Start.Report)
	case r.Verb == wire.VerbClean:
		err = s.takeOverCleanup()
	case r.Verb == wire.VerbState:
		s.mu.Lock()
		answer.State = s.phase
		s.mu.Unlock()
	case r.Verb == wire.VerbSignal && r.Signal != nil:
		err = s.signal(*r.Signal)
	case r.Verb == wire.VerbDestroy && r.Destroy != nil:
		err = s.destroyAfterGrace(r.Destroy)
	case r.Verb == wire.VerbUpdate && r.Update != nil:
		err = s.withContainer(func(c engine.Container) error { return c.Update(r.Update) })
	case r.Verb == wire.VerbPause:
		err = s.freeze(true)
	case r.Verb == wire.VerbResume:
		err = s.freeze(false)
	case r.Verb == wire.VerbResize && r.Resize != nil:
		err = s.resize(*r.Resize)
	default:
		err = wire.Unexpected("verb " + r.Verb)
	}
	return answer, err
}

// wait answers when the container has exited. It returns early if the client disconnects, because
// thousands of clients may wait for a while in the life of one container.
func (p *peer) wait(w *wire.Wait) {
	if w != nil && w.Clean && !p.clean {
		p.clean = true
		p.shim.promise(1)
	}
	gone, stop := watchDisconnect(p.conn)
	defer stop()
	select {
	case <-gone:
	case <-p.shim.ended:
		_ = wire.Write(p.conn, wire.Response{Exit: p.shim.exit})
	}
}

// watchDisconnect closes gone when the client disconnects or the caller calls stop. Nothing else
// may read from conn meanwhile.
func watchDisconnect(conn *net.UnixConn) (gone <-chan struct{}, stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if raw, err := conn.SyscallConn(); err == nil {
			_ = raw.Read(peerclose.Closed) // fails when stop is called
		}
	}()
	return done, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// disconnected ends what depended on the client's connection.
func (p *peer) disconnected() {
	p.shim.endLease(p)
	if p.clean {
		p.shim.promise(-1)
	}
}
