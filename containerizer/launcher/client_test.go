package launcher_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestDialInterrupted cancels Dial: the error must be the cause of the cancellation, not that the
// shim did not answer.
func TestDialInterrupted(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, wire.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		if conn, err := l.Accept(); err == nil {
			cancel(why)
			defer conn.Close()
			<-t.Context().Done()
		}
	}()
	if _, err := launcher.Dial(ctx, dir); !errors.Is(err, why) || errors.Is(err, mctr.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestSilentBehindHello talks to a shim that sends its hello and nothing more, as a stopped process
// would. The verbs that end a container must give up.
func TestSilentBehindHello(t *testing.T) {
	for name, ask := range map[string]func(*launcher.Client) error{
		"destroy": func(c *launcher.Client) error { return c.Destroy(context.Background(), mctr.Limitation{}) },
		"signal":  func(c *launcher.Client) error { return c.Signal(context.Background(), unix.SIGKILL, false) },
		"clean":   func(c *launcher.Client) error { return c.Clean(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l, err := net.Listen("unix", filepath.Join(dir, wire.SocketName))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go greet(t, l)
			client, err := launcher.Dial(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := ask(client); !errors.Is(err, mctr.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func greet(t *testing.T, l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	var hello wire.Hello
	if wire.Read(conn, &hello) == nil {
		_ = wire.Write(conn, wire.Hello{Protocol: wire.Version, Min: wire.Min}) // the test fails if it does not arrive
	}
}
