package server

import (
	"bufio"
	"io"
	"net/http"
	"time"

	"github.com/mctr/mctr/agent/api"
)

// downloadBuffer is what is known of an archive before its answer begins, in bytes:
// an error meanwhile has a status of its own.
const downloadBuffer = 256 << 10

// download is a call whose answer is an archive. After an error in the middle of it
// the answer is cut off.
func download[In any](do func(x *exchange, in In, w io.Writer) error) call {
	return func(x *exchange) error {
		if err := x.accepts(api.Tar); err != nil {
			return err
		}
		in, err := arguments[In](x)
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(taken{x}, downloadBuffer)
		if err := do(x, in, w); err != nil {
			if x.begun && x.r.Context().Err() == nil {
				x.log.Warn("cut an archive off", "type", x.kind, "error", err)
			}
			return err
		}
		return w.Flush()
	}
}

// taken is an answer of which a piece has to be taken in time.
type taken struct{ x *exchange }

func (t taken) Write(p []byte) (int, error) {
	if !t.x.begun {
		t.x.begun = true
		t.x.w.Header().Set("Content-Type", api.Tar)
	}
	if err := http.NewResponseController(t.x.w).SetWriteDeadline(time.Now().Add(t.x.StallTime)); err != nil {
		return 0, err
	}
	return t.x.w.Write(p)
}
