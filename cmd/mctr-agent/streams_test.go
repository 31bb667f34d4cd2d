package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
)

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A stream is an answer that is a stream of records.
type stream struct {
	body    io.ReadCloser
	records *recordio.Reader
}

// stream makes a call that is answered by a stream of records.
func (h *host) stream(kind string, arguments any) *stream {
	h.t.Helper()
	body, err := api.NewMessage(kind, arguments)
	if err != nil {
		h.t.Fatal(err)
	}
	answer := h.open(nil, bytes.NewReader(body))
	h.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != api.RecordIO ||
		answer.Header.Get("Message-Content-Type") != api.JSON {
		data, _ := io.ReadAll(answer.Body)
		h.t.Fatalf("%s: %d, %v: %s", body, answer.StatusCode, answer.Header, data)
	}
	return &stream{answer.Body, recordio.NewReader(answer.Body, 4<<20)}
}

func (h *host) attach(name string) *stream {
	h.t.Helper()
	return h.stream(api.AttachContainerOutput, api.ID{ContainerID: id(name)})
}

func (h *host) session(name, line string) *stream {
	h.t.Helper()
	return h.stream(api.LaunchNestedContainerSession, api.LaunchNested{ContainerID: id(name), Command: sh(line)})
}

// next returns the next piece of output after the name of its stream.
func (s *stream) next() (string, error) {
	record, err := s.records.Next()
	if err != nil {
		return "", err
	}
	var m api.ProcessIO
	if err := json.Unmarshal(record, &m); err != nil {
		return "", err
	}
	if m.Type != "DATA" || m.Data == nil {
		return "", fmt.Errorf("unexpected %s", record)
	}
	return m.Data.Type + " " + string(m.Data.Data), nil
}

// text returns all output until the end: first that of stdout, then that of stderr.
func (s *stream) text(t *testing.T) string {
	t.Helper()
	var out, complaints strings.Builder
	for {
		piece, err := s.next()
		if errors.Is(err, io.EOF) {
			return out.String() + complaints.String()
		}
		if err != nil {
			t.Fatal(err, out.String())
		}
		if text, ok := strings.CutPrefix(piece, "STDOUT "); ok {
			out.WriteString(text)
		} else {
			complaints.WriteString(piece)
		}
	}
}

// TestSession runs a command in a container. The command has the environment of its parent, its output
// goes to the call, its termination is reported, and it is killed when the client disconnects.
func TestSession(t *testing.T) {
	h := newHost(t)
	h.call(400, api.LaunchNestedContainerSession, api.LaunchNested{ContainerID: id("task.s"), Command: sh("true")}, nil)
	h.call(200, api.LaunchContainer, api.Launch{ContainerID: id("task"), Container: h.in(), Command: &api.CommandInfo{
		Value:       "touch /tmp/mark; sleep 100",
		Environment: &api.Environment{Variables: []api.Variable{{Name: "OF", Value: "the parent"}}},
	}}, nil)
	h.eventually("the parent is up", func() bool { return h.look("cat /tmp/mark && echo up") == "up\n" })
	s := h.session("task.one", "echo $OF; ls /tmp; echo err >&2; exit 5")
	if got := s.text(t); got != "the parent\nmark\nSTDERR err\n" {
		t.Errorf("output: %q", got)
	}
	if end := h.wait("task.one"); end.ExitStatus != 5<<8 {
		t.Errorf("the end: %+v", end)
	}
	h.call(200, api.RemoveNestedContainer, api.ID{ContainerID: id("task.one")}, nil)
	h.call(404, api.WaitNestedContainer, api.ID{ContainerID: id("task.one")}, nil)

	dies := h.session("task.dies", "echo begun; sleep 100; echo over")
	if first, err := dies.next(); err != nil || first != "STDOUT begun\n" {
		t.Fatal(first, err)
	}
	h.call(409, api.LaunchNestedContainerSession, api.LaunchNested{ContainerID: id("task.dies"), Command: sh("true")},
		nil)
	var list api.Containers
	h.call(200, api.GetContainers, api.List{ShowNested: true}, &list)
	if len(list.Containers) != 2 {
		t.Errorf("a session is not listed: %+v", list)
	}
	_ = dies.body.Close()
	if end := h.wait("task.dies"); end.ExitStatus != 9 || end.State != "TASK_KILLED" {
		t.Errorf("after its client: %+v", end)
	}
	h.eventually("it is gone", func() bool { return !strings.Contains(h.look("ps"), "echo over") })
	killed := h.session("task.killed", "echo begun; sleep 100")
	if first, err := killed.next(); err != nil || first != "STDOUT begun\n" {
		t.Fatal(first, err)
	}
	h.call(200, api.KillNestedContainer, api.Kill{ContainerID: id("task.killed")}, nil)
	if end := h.wait("task.killed"); end.ExitStatus != 9 {
		t.Errorf("killed: %+v", end)
	}
	h.remove("task")
}

// look returns the output of a command in the container task.
func (h *host) look(line string) string {
	h.t.Helper()
	text := h.session("task.look", line).text(h.t)
	h.wait("task.look")
	h.call(200, api.RemoveNestedContainer, api.ID{ContainerID: id("task.look")}, nil)
	return text
}

// TestInput writes to a session and to a container with a terminal, sets the size of the terminal, and
// checks that only one client at a time can write.
func TestInput(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 100")
	s := h.session("task.cat", "cat; echo over")
	h.input("task.cat", "some\n")
	if got, err := s.next(); err != nil || got != "STDOUT some\n" {
		t.Errorf("%q, %v", got, err)
	}
	h.input("task.cat", "") // the end of input
	if got := s.text(t); got != "over\n" {
		t.Errorf("behind its end: %q", got)
	}
	terminal := h.in()
	terminal.TTYInfo = &api.TTYInfo{WindowSize: &api.WindowSize{Rows: 33, Columns: 99}}
	h.call(200, api.LaunchContainer,
		api.Launch{ContainerID: id("tty"), Container: terminal, Command: sh("stty size; read x; stty size; read y")},
		nil)
	output := h.attach("tty")
	r, w := io.Pipe()
	first := make(chan int, 1)
	go func() {
		code, _ := h.post(asRecords(), r)
		first <- code
	}()
	message := func(p api.ProcessIO) string { return records(t, api.Input{Type: "PROCESS_IO", ProcessIO: &p}) }
	write := func(text string) {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	resize := api.ProcessIO{Type: "CONTROL",
		Control: &api.Control{Type: "TTY_INFO",
			TTYInfo: &api.TTYInfo{WindowSize: &api.WindowSize{Rows: 44, Columns: 111}}}}
	write(records(t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id("tty"))}) + message(resize))
	write(message(
		api.ProcessIO{Type: "CONTROL",
			Control: &api.Control{Type: "HEARTBEAT",
				Heartbeat: &api.Heartbeat{Interval: &api.Duration{Nanoseconds: 1}}}}))
	write(message(api.ProcessIO{Type: "DATA", Data: &api.Data{Type: "STDIN", Data: []byte("\n")}}))
	all := ""
	for !strings.Contains(all, "44 111") {
		piece, err := output.next()
		if err != nil {
			t.Fatal(err, all)
		}
		all += strings.TrimPrefix(piece, "STDOUT ")
	}
	if code, answer := h.post(asRecords(),
		strings.NewReader(
			records(t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id("tty"))}))); code != http.StatusConflict {
		t.Errorf("a second writer: %d %s", code, answer)
	}
	write(message(api.ProcessIO{Type: "DATA", Data: &api.Data{Type: "STDIN", Data: []byte("\n")}}))
	select {
	case code := <-first: // the container has exited, so that the call returns
		if code != http.StatusOK {
			t.Errorf("the writer's answer: %d", code)
		}
	case <-time.After(10 * time.Second):
		t.Error("the writer is not answered when the container has ended")
	}
	_ = w.Close()
	h.call(409, api.AttachContainerOutput, api.ID{ContainerID: id("tty")}, nil)
	h.remove("tty", "task")
}

// TestStreamErrors checks that invalid requests for streams get the status codes of Mesos.
func TestStreamErrors(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 100")
	toTask := records(t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id("task"))})
	const attach = `{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{"container_id":{"value":"task"}}}`
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   int
	}{
		{"no such container", asRecords(), records(t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id("nobody"))}),
			404},
		{"takes no input", asRecords(), toTask, 409},
		{"not the first message", asRecords(),
			records(t, api.Input{Type: "PROCESS_IO", ProcessIO: &api.ProcessIO{Type: "DATA"}}), 400},
		{"empty", asRecords(), "", 400},
		{"cut off", asRecords(), toTask[:len(toTask)-3], 400},
		{"no records", asRecords(), "hello", 400},
		{"too long a record", asRecords(), "99999999\n{}", 400},
		{"another call's records", asRecords(), string(recordio.Append(nil, []byte(attach))), 415},
		{"input as JSON", asJSON(), `{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{}}`, 415},
		{"no type of messages", header("Content-Type", api.RecordIO), toTask, 400},
		{"messages in protobuf", header("Content-Type", api.RecordIO, "Message-Content-Type", "application/x-protobuf"),
			toTask, 415},
		{"a stream as JSON", header("Content-Type", api.JSON, "Accept", api.JSON), attach, 406},
		{"messages accepted in protobuf", header("Content-Type", api.JSON, "Message-Accept", "application/x-protobuf"),
			attach, 406},
		{"an answer as records", header("Content-Type", api.JSON, "Accept", api.RecordIO), `{"type":"GET_VERSION"}`,
			406},
		{"a call in protobuf", header("Content-Type", "application/x-protobuf"), "\x08\x01", 415},
		{"no type", header(), "{}", 400},
		{"streams without an upgrade", asJSON(),
			`{"type":"ATTACH_CONTAINER","attach_container":{"container_id":{"value":"task"},"attach":{"output":true}}}`,
			426},
	} {
		if code, answer := h.post(c.header, strings.NewReader(c.body)); code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, code, answer, c.want)
		}
	}
	h.remove("task")
}
