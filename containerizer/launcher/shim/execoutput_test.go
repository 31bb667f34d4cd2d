package shim

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestRelayLosesNothing has a client that reads nothing until long after the process has exited,
// while a background process keeps the pipes open and may go on writing.
func TestRelayLosesNothing(t *testing.T) {
	for name, chatter := range map[string]bool{"quiet": false, "chatter": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := openPipes(false, false)
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			defer p.closeChild()
			want := bytes.Repeat([]byte("0123456"), 8<<10) // less than the capacity of a pipe
			for _, w := range []io.Writer{p.child.Stdout, p.child.Stderr} {
				if _, err := w.Write(want); err != nil {
					t.Fatal(err)
				}
			}
			client, server := net.Pipe()
			r := &relay{pipes: p}
			r.begin(server)
			go func() { r.end(); server.Close() }()
			time.Sleep(stillTime + stillTime/4)
			if chatter {
				r.pipes.stop() // as end does when a background process writes for too long
			}
			if got := received(t, client); !bytes.Equal(got[wire.Stdout], want) ||
				!bytes.Equal(got[wire.Stderr], want) {
				t.Errorf("%d and %d bytes, want %d each", len(got[wire.Stdout]), len(got[wire.Stderr]), len(want))
			}
		})
	}
}

// received reads chunks until the connection ends.
func received(t *testing.T, client io.Reader) map[byte][]byte {
	t.Helper()
	got := map[byte][]byte{}
	for {
		stream, data, err := wire.ReadChunk(client, nil)
		if err != nil {
			return got
		}
		got[stream] = append(got[stream], data...)
	}
}
