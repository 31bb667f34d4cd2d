package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/server"
	"github.com/mctr/mctr/provisioner"
)

// TestSlowBody checks that a call is refused if it does not arrive in time.
func TestSlowBody(t *testing.T) {
	images, err := provisioner.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(server.New(server.Options{
		Local: agent.NewLocal(nil, images, nil, nil, agent.LocalHost{}), Log: slog.DiscardHandler,
		BodyTime: 100 * time.Millisecond, StallTime: 200 * time.Millisecond,
	}).Handler())
	defer server.Close()
	const form = "Content-Type: multipart/form-data; boundary=b\r\n"
	part := func(name string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n"
	}
	load := part("call") + `{"type":"LOAD_IMAGES","load_images":{}}` + "\r\n"
	for _, c := range []struct{ name, headers, body string }{
		{"a call", "Content-Type: application/json\r\n", `{"type":`},
		{"nothing of a call", "Content-Type: application/json\r\n", ""},
		{"a record", "Content-Type: application/recordio\r\nMessage-Content-Type: application/json\r\n", "100\n{"},
		{"no record", "Content-Type: application/recordio\r\nMessage-Content-Type: application/json\r\n", ""},
		{"nothing of a form", form, ""},
		{"half a form's call", form, part("call") + `{"type":`},
		{"no archive", form, load},
		{"half an archive", form, load + part("archive") + "abc"},
	} {
		answer, err := ask(t, server.Listener.Addr(),
			fmt.Sprintf("POST /api/v1 HTTP/1.1\r\nHost: a\r\n%sContent-Length: 1000\r\n\r\n%s", c.headers, c.body))
		if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
			t.Errorf("%s: %v %.200s", c.name, err, answer)
		}
	}
}

// TestEarlyAnswer checks that a call can be refused before its body has arrived: the client gets the
// answer at once, and the connection is closed.
func TestEarlyAnswer(t *testing.T) {
	server := httptest.NewServer(
		server.BodyTimeout(time.Hour, server.Authenticated(func() string { return "token" },
			server.New(server.Options{Log: slog.DiscardHandler}).Handler())))
	defer server.Close()
	for _, c := range []struct{ name, headers, want string }{
		{"no token", "Content-Type: application/json\r\nContent-Length: 100\r\n", "401"},
		{"no token, in chunks", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "401"},
		{"another type", "Authorization: Bearer token\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n", "415"},
		{"no type", "Authorization: Bearer token\r\nContent-Length: 100\r\n", "400"},
		{"records of what",
			"Authorization: Bearer token\r\nContent-Type: application/recordio\r\nContent-Length: 100\r\n", "400"},
	} {
		if answer, err := ask(t, server.Listener.Addr(),
			"POST /api/v1 HTTP/1.1\r\nHost: a\r\n"+c.headers+"\r\n"); err != nil ||
			!strings.HasPrefix(answer, "HTTP/1.1 "+c.want+" ") {
			t.Errorf("%s: %v %.200s", c.name, err, answer)
		}
	}
}

// ask sends text and returns everything that the server sends before it closes the connection, which
// must be within ten seconds.
func ask(t *testing.T, to net.Addr, text string) (string, error) {
	t.Helper()
	conn, err := net.Dial(to.Network(), to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}
