package launcher_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestDialInterrupted wants who no longer waits for a shim told so, and not that the
// shim does not answer.
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
