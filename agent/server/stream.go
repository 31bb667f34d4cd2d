package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// An output is an answer that is a stream of records. It may be used concurrently. Sending has no
// deadline: a slow client delays only its own stream.
type output struct {
	x  *exchange
	mu sync.Mutex
}

// finish ends a stream of StreamMessages. An error is sent as the last record.
func (o *output) finish(err error) error {
	if err == nil {
		return o.begin()
	}
	if !o.x.begun || o.x.r.Context().Err() != nil {
		return err
	}
	o.x.code = o.x.status(err)
	return o.send(api.StreamMessage{Error: wire.NewError(err)})
}

// begin sends the header of the answer before the first record exists.
func (o *output) begin() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.write(nil)
}

// send sends a record.
func (o *output) send(message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.write(recordio.Append(nil, data))
}

func (o *output) write(data []byte) error {
	if !o.x.begun {
		o.x.begun = true
		h := o.x.w.Header()
		h.Set("Content-Type", api.RecordIO)
		h.Set("Message-Content-Type", api.JSON)
		o.x.w.WriteHeader(http.StatusOK)
	}
	if _, err := o.x.w.Write(data); err != nil {
		return err
	}
	return http.NewResponseController(o.x.w).Flush()
}

// upgrade connects the client with the streams of a container, and returns when they end.
func (x *exchange) upgrade(stream *launcher.Stream) error {
	defer stream.Close()
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return fmt.Errorf("upgrade the connection: %w", err)
	}
	defer conn.Close()
	x.begun, x.code = true, http.StatusSwitchingProtocols
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil // the client has disconnected
	}
	header := x.w.Header()
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", api.Protocol)
	_, begun := io.WriteString(buffered, "HTTP/1.1 101 Switching Protocols\r\n")
	headed := header.Write(buffered)
	_, ended := io.WriteString(buffered, "\r\n")
	if err := errors.Join(begun, headed, ended, buffered.Flush()); err != nil {
		return nil // the client has disconnected
	}
	stop := context.AfterFunc(x.r.Context(), func() { _ = conn.Close() }) // the agent is stopping
	defer stop()
	stream.Relay(api.ReadAhead{Conn: conn, Buffered: buffered})
	return nil
}

// asksUpgrade fails unless the client asks for the upgrade of the connection.
func (x *exchange) asksUpgrade() error {
	if !strings.EqualFold(x.r.Header.Get("Upgrade"), api.Protocol) {
		return statusError{http.StatusUpgradeRequired,
			fmt.Errorf("%w: the streams need \"Connection: Upgrade\" and \"Upgrade: %s\"", mctr.ErrInvalid,
				api.Protocol)}
	}
	return nil
}
