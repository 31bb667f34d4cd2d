package shim

import (
	"errors"
	"os"
	"testing"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestFeederBound wants a client refused that sends more than it was told to: what it
// has sent is kept in memory.
func TestFeederBound(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	left := make(chan struct{})
	f := &feeder{stdin: w, taken: func(int) {}, close: func() {}, left: func() { close(left) }}
	f.begin()
	for range 3 { // one may be in the writer's hands, one in the pipe
		err = errors.Join(err, f.put(make([]byte, wire.Window/2+1)))
	}
	if !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("it took more than there is room for: %v", err)
	}
	f.leave()
	<-left
}
