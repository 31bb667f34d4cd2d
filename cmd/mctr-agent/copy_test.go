package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// A form is the text of a call with an archive, so that tests can corrupt it.
type form struct{ call, archive string }

func (f form) text() string {
	return "--b\r\nContent-Disposition: form-data; name=\"call\"\r\n\r\n" + f.call +
		"\r\n--b\r\nContent-Disposition: form-data; name=\"archive\"\r\n\r\n" + f.archive + "\r\n--b--\r\n"
}

func asForm() http.Header { return http.Header{"Content-Type": {"multipart/form-data; boundary=b"}} }

// copyTo returns the call that copies to a directory of a container.
func copyTo(name, path string) string {
	return fmt.Sprintf(`{"type":"COPY_TO_CONTAINER","copy_to_container":{"container_id":{"value":%q},"path":%q}}`, name,
		path)
}

// listed returns the entries of a tar stream.
func listed(t *testing.T, r io.Reader) (names []string) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF { //nolint:errorlint // the tar's end
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// TestCopyCalls copies to and from a container, and checks that no link leads out of the container.
func TestCopyCalls(t *testing.T) {
	h := newHost(t)
	outside := t.TempDir()
	h.launch("task", "sleep 1000")
	archive := imagetest.Tar(t, imagetest.Dir("d", 0o755), imagetest.File("d/f", "inside"),
		imagetest.Symlink("out", outside), imagetest.Symlink("up", "../../../../../../.."+outside))
	if code, answer := h.post(asForm(),
		strings.NewReader(form{copyTo("task", "/tmp"), string(archive)}.text())); code != 200 || len(answer) != 0 {
		t.Fatalf("%d %s", code, answer)
	}
	var stat api.PathStat
	h.call(200, api.StatPath, api.Stat{ContainerID: id("task"), Path: "/tmp/out"}, &stat)
	if stat.LinkTarget != outside || stat.Name != "out" {
		t.Errorf("%+v", stat)
	}
	h.call(404, api.StatPath, api.Stat{ContainerID: id("task"), Path: "/tmp/out", FollowLink: true}, nil)
	for _, path := range []string{"/tmp/out", "/tmp/up", "/../../../../.." + outside} {
		file := string(imagetest.Tar(t, imagetest.File("escaped", "x")))
		if code, answer := h.post(asForm(), strings.NewReader(form{copyTo("task", path), file}.text())); code != 404 {
			t.Errorf("to %s: %d %s", path, code, answer)
		}
		h.call(404, api.CopyFromContainer, api.CopyFrom{ContainerID: id("task"), Path: path, FollowLink: true}, nil)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
	up := string(imagetest.Tar(t, imagetest.File("../escaped", "x")))
	if code, answer := h.post(asForm(), strings.NewReader(form{copyTo("task", "/tmp"), up}.text())); code != 400 {
		t.Errorf("a name with ..: %d %s", code, answer)
	}
	body, err := api.NewMessage(api.CopyFromContainer, api.CopyFrom{ContainerID: id("task"), Path: "/tmp/d", Name: "e"})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.open(nil, bytes.NewReader(body))
	defer answer.Body.Close()
	if got := fmt.Sprint(listed(t, answer.Body)); answer.Header.Get("Content-Type") != api.Tar || got != "[e/ e/f]" {
		t.Errorf("%s: %s", answer.Header, got)
	}
	h.remove("task")
}

// TestHostileForms checks that malformed forms are refused, and leave nothing in the container.
func TestHostileForms(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 1000")
	archive := string(imagetest.Tar(t, imagetest.File("marked", strings.Repeat("x", 100000))))
	good := form{copyTo("task", "/tmp"), archive}.text()
	part := func(name, content string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + content + "\r\n"
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   int
	}{
		{"empty", asForm(), "", 400},
		{"no form", asForm(), "hello", 400},
		{"no parts", asForm(), "--b--\r\n", 400},
		{"no boundary", http.Header{"Content-Type": {"multipart/form-data"}}, good, 400},
		{"another boundary", http.Header{"Content-Type": {"multipart/form-data; boundary=c"}}, good, 400},
		{"a mixed one", http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}, good, 415},
		{"no call", asForm(), part("archive", archive) + "--b--\r\n", 400},
		{"no archive", asForm(), part("call", copyTo("task", "/tmp")) + "--b--\r\n", 400},
		{"the archive first", asForm(), part("archive", archive) + part("call", copyTo("task", "/tmp")) + "--b--\r\n",
			400},
		{"an archive by another name", asForm(),
			part("call", copyTo("task", "/tmp")) + part("file", archive) + "--b--\r\n", 400},
		{"an empty call", asForm(), form{"", archive}.text(), 400},
		{"a call that is none", asForm(), form{"hello", archive}.text(), 400},
		{"a call that is huge", asForm(), form{`{"type":"` + strings.Repeat("A", 5<<20) + `"}`, archive}.text(), 413},
		{"a call that is cut off", asForm(), good[:80], 400},
		{"a call that brings none", asForm(), form{`{"type":"GET_VERSION"}`, archive}.text(), 415},
		{"no arguments", asForm(), form{`{"type":"COPY_TO_CONTAINER"}`, archive}.text(), 400},
		{"as JSON", asJSON(), copyTo("task", "/tmp"), 415},
		{"nobody's", asForm(), form{copyTo("nobody", "/tmp"), archive}.text(), 404},
		{"nowhere", asForm(), form{copyTo("task", "/nowhere"), archive}.text(), 404},
		{"to a file", asForm(), form{copyTo("task", "/bin/busybox"), archive}.text(), 400},
		{"an empty archive", asForm(), form{copyTo("task", "/tmp"), ""}.text(), 200}, // as with tar(1)
		{"no archive in it", asForm(), form{copyTo("task", "/tmp"), strings.Repeat("x", 3000)}.text(), 400},
		{"a bomb of a header", asForm(),
			"--b\r\nContent-Disposition: form-data; name=\"call\"\r\nX: " + strings.Repeat("y", 20<<20) + "\r\n\r\n",
			400},
		{"cut off in a file", asForm(), good[:len(good)-50000], 400},
		{"cut off at the end of it", asForm(), good[:len(good)-10], 400},
	} {
		code, answer := h.post(c.header, strings.NewReader(c.body))
		if code != c.want || len(answer) > 4096 {
			t.Errorf("%s: %d %.300s, want %d", c.name, code, answer, c.want)
		}
		if code >= 400 {
			described(t, "Failure", answer)
		}
	}
	h.remove("task")
}

// TestCutUpload checks that an interrupted upload leaves no part of the file that was in transfer.
func TestCutUpload(t *testing.T) {
	h := newHost(t)
	h.launch("task", "sleep 1000")
	good := form{copyTo("task", "/tmp"),
		string(imagetest.Tar(t, imagetest.File("marked", strings.Repeat("x", 100000))))}.text()
	head := "POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	for name, text := range map[string]string{
		"less than was promised": head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good)) + good[:50000],
		"a cut chunk": head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n",
			len(good)) + good[:50000],
	} {
		// 503: the agent noticed the disconnected client before the end of the body.
		if got := h.raw(text, true); !strings.HasPrefix(got, "HTTP/1.1 400 ") &&
			!strings.HasPrefix(got, "HTTP/1.1 503 ") {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	if left := listedIn(h, "task", "/tmp"); len(left) > 1 {
		t.Errorf("left over: %q", left)
	}
	h.remove("task")
}

// listedIn returns the entries of a directory in a container.
func listedIn(h *host, name, path string) []string {
	h.t.Helper()
	body, err := api.NewMessage(api.CopyFromContainer, api.CopyFrom{ContainerID: id(name), Path: path})
	if err != nil {
		h.t.Fatal(err)
	}
	answer := h.open(nil, bytes.NewReader(body))
	defer answer.Body.Close()
	return listed(h.t, answer.Body)
}

// TestLeftDownload checks that the agent stops a download when the client disconnects. This matters
// also for a stopped container, which could not be removed otherwise.
func TestLeftDownload(t *testing.T) {
	h := newHost(t)
	h.launch("task", "head -c 50000000 /dev/zero >/tmp/big")
	h.wait("task")
	body, err := api.NewMessage(api.CopyFromContainer, api.CopyFrom{ContainerID: id("task"), Path: "/tmp/big"})
	if err != nil {
		t.Fatal(err)
	}
	h.client.CloseIdleConnections()
	before := h.descriptors()
	answer := h.open(nil, bytes.NewReader(body))
	if _, err := io.ReadFull(answer.Body, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	_ = answer.Body.Close()
	h.remove("task") // waits until the download has stopped
	h.client.CloseIdleConnections()
	h.eventually("the agent holds no more than before", func() bool { return h.descriptors() <= before })
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil ||
		strings.Contains(string(mounts), filepath.Join(h.root, "containers")) {
		t.Errorf("a mount is left: %v\n%s", err, mounts)
	}
}
