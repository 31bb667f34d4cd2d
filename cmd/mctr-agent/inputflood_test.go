package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A flood is an endless stream of input.
type flood struct {
	next   *bytes.Reader
	record []byte
	sent   atomic.Int64
}

func (f *flood) Read(p []byte) (int, error) {
	if f.next.Len() == 0 {
		f.next = bytes.NewReader(f.record)
	}
	n, err := f.next.Read(p)
	f.sent.Add(int64(n))
	return n, err
}

// flood sends input to a process that does not read, until all buffers are full.
func (h *host) flood(name string) (goAway func()) {
	h.t.Helper()
	f := &flood{
		next: bytes.NewReader([]byte(h.inputTo(name))),
		record: []byte(records(h.t, api.Input{Type: "PROCESS_IO", ProcessIO: &api.ProcessIO{
			Type: "DATA", Data: &api.Data{Type: "STDIN", Data: make([]byte, 64<<10)},
		}})),
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+api.Path, f)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header = asRecords()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if answer, err := h.client.Do(r); err == nil {
			_ = answer.Body.Close()
		}
	}()
	h.eventually("nobody takes any more", func() bool {
		before := f.sent.Load()
		time.Sleep(200 * time.Millisecond)
		return before > wire.Window && f.sent.Load() == before
	})
	return func() { cancel(); <-gone }
}

// inputTo returns the message that names the container of the input.
func (h *host) inputTo(name string) string {
	return records(h.t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id(name))})
}

// TestInputOfTheGone disconnects a client whose input is not read. Then another client can write
// input, and the process keeps running.
func TestInputOfTheGone(t *testing.T) {
	h := newHost(t)
	config := &mctr.ContainerConfig{Image: h.image, Process: mctr.Process{Args: []string{"sleep", "100"}, Stdin: true}}
	h.call(200, api.LaunchContainer, api.Launch{ContainerID: id("deaf"), Mctr: &api.Extension{Config: config}}, nil)
	session := h.session("deaf.too", "echo begun; sleep 100")
	if _, err := session.next(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"deaf", "deaf.too"} {
		take := func() (int, string) {
			code, answer := h.post(asRecords(), strings.NewReader(h.inputTo(name)))
			return code, string(answer)
		}
		goAway := h.flood(name)
		if code, answer := take(); code != http.StatusConflict || !strings.Contains(answer, "another client") {
			t.Errorf("%s: a second client: %d %s", name, code, answer)
		}
		goAway()
		h.eventually("the input of "+name+" is free", func() bool { code, _ := take(); return code == http.StatusOK })
	}
	var list api.Containers
	h.call(200, api.GetContainers, api.List{ShowNested: true}, &list)
	if len(list.Containers) != 2 {
		t.Errorf("left are %+v", list)
	}
	h.remove("deaf")
	_, _ = io.Copy(io.Discard, session.body)
}

// TestInputRefused checks that a client whose input is refused gets the answer at once, not only after
// it has sent more.
func TestInputRefused(t *testing.T) {
	h := newHost(t)
	first := h.inputTo("nobody")
	for name, c := range map[string]struct{ record, want string }{
		"nobody's": {first, "404"},
		"garbage":  {"a record", "400"},
	} {
		text := fmt.Sprintf("POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nMessage-Content-Type: %s\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
			api.RecordIO, api.JSON, len(c.record), c.record)
		if got := h.raw(text, false); !strings.HasPrefix(got, "HTTP/1.1 "+c.want+" ") {
			t.Errorf("%s: %.200q, want %s", name, got, c.want)
		}
	}
}
