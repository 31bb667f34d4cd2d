package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
	"github.com/mctr/mctr/containerizer/launcher"
)

// maxRecord bounds a record from the agent, in bytes.
const maxRecord = 64 << 20

// messages makes a call that is answered by a stream of messages, and calls each with every one. An
// error of each ends the call.
func (t *transport) messages(ctx context.Context, kind string, arguments any,
	each func(api.StreamMessage) error) error {
	answer, err := t.do(ctx, kind, arguments)
	if err != nil {
		return err
	}
	return t.eachMessage(ctx, kind, answer, each)
}

func (t *transport) eachMessage(ctx context.Context, kind string, answer *http.Response,
	each func(api.StreamMessage) error) error {
	defer answer.Body.Close()
	records := recordio.NewReader(answer.Body, maxRecord)
	for {
		record, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return t.lost(ctx, err)
		}
		var m api.StreamMessage
		if err := json.Unmarshal(record, &m); err != nil {
			return fmt.Errorf("the agent's answer to %s: %w", kind, err)
		}
		if m.Error != nil {
			return m.Error.Err()
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// upgrade makes a call whose connection becomes the streams of a container.
func (t *transport) upgrade(ctx context.Context, kind string, arguments any) (*launcher.Stream, error) {
	stream, _, err := t.upgradeWithHeader(ctx, kind, arguments)
	return stream, err
}

// upgradeWithHeader is upgrade, but also returns the header of the answer.
func (t *transport) upgradeWithHeader(ctx context.Context, kind string,
	arguments any) (*launcher.Stream, http.Header, error) {
	r, err := t.request(ctx, kind, arguments)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", api.Protocol)
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	stream, header, err := t.switchTo(conn, r)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return stream, header, nil
}

func (t *transport) switchTo(conn net.Conn, r *http.Request) (*launcher.Stream, http.Header, error) {
	if err := r.Write(conn); err != nil {
		return nil, nil, t.lost(r.Context(), err)
	}
	buffered := bufio.NewReader(conn)
	answer, err := http.ReadResponse(buffered, r)
	if err != nil {
		return nil, nil, t.lost(r.Context(), err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, nil, t.failed(r.Context(), answer)
	}
	return launcher.NewStream(api.ReadAhead{Conn: conn, Buffered: buffered}), answer.Header, nil
}
