package operator_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/cmd/mctr-agent/operator"
	"github.com/mctr/mctr/provisioner"
)

// TestSlowBody wants calls that do not arrive refused when their time is over.
func TestSlowBody(t *testing.T) {
	images, err := provisioner.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(operator.New(operator.Options{
		Images: images, Log: slog.DiscardHandler, BodyTime: 100 * time.Millisecond, StallTime: 200 * time.Millisecond,
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
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "POST /api/v1 HTTP/1.1\r\nHost: a\r\n%sContent-Length: 1000\r\n\r\n%s", c.headers, c.body); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
			t.Errorf("%s: %v %.200s", c.name, err, answer)
		}
		_ = conn.Close()
	}
}
