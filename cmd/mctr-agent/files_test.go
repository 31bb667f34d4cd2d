package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/agent/api"
)

// sandbox runs a command in a container to create files in the sandbox, and returns the directory of
// the sandbox on the host.
func (h *host) sandbox(line string) string {
	h.t.Helper()
	h.launch("task", "cd $MESOS_SANDBOX && "+line)
	h.wait("task")
	return filepath.Join(h.root, "containers/task/sandbox")
}

func (h *host) read(query string) (data string, offset int64) {
	h.t.Helper()
	var piece struct {
		Data   string
		Offset int64
	}
	if err := json.Unmarshal([]byte(h.get(200, "/files/read?"+query)), &piece); err != nil {
		h.t.Fatal(err)
	}
	return piece.Data, piece.Offset
}

// names returns the names that browsing a path lists.
func (h *host) names(path string) (names []string) {
	h.t.Helper()
	var list []struct{ Path string }
	if err := json.Unmarshal([]byte(h.get(200, "/files/browse?path="+url.QueryEscape(path))), &list); err != nil {
		h.t.Fatal(err)
	}
	for _, f := range list {
		name, ok := strings.CutPrefix(f.Path, path+"/")
		if !ok {
			h.t.Errorf("%s lists %s", path, f.Path)
		}
		names = append(names, name)
	}
	return names
}

// TestFiles reads the files of a task in the formats of Mesos.
func TestFiles(t *testing.T) {
	h := newHost(t)
	h.sandbox(`mkdir -p d/e && printf 0123456789 >d/f && ln -s d/f inner && printf 'a\n\303\244b' >utf8 && echo out && echo err >&2 && chown user d/f && chmod 4751 d/f`)
	for path, want := range map[string]string{
		"/containers": "task", "/containers/task": "sandbox", "/containers/task/sandbox": "d inner stderr stdout utf8",
		"/containers/task/sandbox/d": "e f",
	} {
		if got := strings.Join(h.names(path), " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if list := h.get(200,
		"/files/browse?path=/containers/task/sandbox/d"); !strings.Contains(list, `"mode":"-rwsr-x--x"`) ||
		!strings.Contains(list, `"size":10`) || !strings.Contains(list, `"mode":"drwxr-xr-x"`) {
		t.Errorf("details: %s", list)
	}
	const f = "path=/containers/task/sandbox/d/f"
	for query, want := range map[string]string{
		f + "&offset=0": "0123456789", f + "&offset=3&length=4": "3456", f + "&offset=8&length=100": "89",
		f + "&offset=10": "", f + "&offset=99999999999": "",
		f + "&offset=9223372036854775807&length=9223372036854775807": "", f + "&offset=2&length=-1": "23456789",
		f + "&offset=2&length=0":                                 "",
		"path=/containers/task/sandbox/inner&offset=0":           "0123456789",
		"path=/containers/task/sandbox/stdout&offset=1":          "ut\n",
		"path=/containers/task/sandbox/stderr&offset=0&length=2": "er",
		"path=/containers/task/sandbox/utf8&offset=0&length=3":   "a\n",
		"path=/containers/task/sandbox/utf8&offset=2":            "äb",
	} {
		if got, _ := h.read(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if data, size := h.read(f); data != "" || size != 10 {
		t.Errorf("without an offset: %q, %d", data, size)
	}
	var data api.FileData
	h.call(200, api.ReadFile, api.FileRange{Path: "/containers/task/sandbox/utf8", Offset: 2, Length: ptr(int64(1))},
		&data)
	if string(data.Data) != "\303" || data.Size != 5 {
		t.Errorf("READ_FILE: %+v", data)
	}
	var list api.Files
	h.call(200, api.ListFiles, api.FilePath{Path: "/containers/task/sandbox/d"}, &list)
	if len(list.FileInfos) != 2 || list.FileInfos[1].Size != 10 || list.FileInfos[1].Mode&0o7777 != 0o4751 {
		t.Errorf("LIST_FILES: %+v", list)
	}
	for code, paths := range map[int][]string{
		400: {"read?path=/containers/task/sandbox&offset=0", "read?path=/containers&offset=0",
			"browse?path=/containers/task/sandbox/d/f", "browse?path=", "browse", "read?" + f + "&offset=x",
			"read?" + f + "&offset=-2", "read?" + f + "&length=1e3"},
		404: {"read?path=/containers/task/sandbox/none&offset=0", "read?path=/containers/nobody/sandbox/x&offset=0",
			"browse?path=/etc", "browse?path=/containers/task/rw", "browse?path=/containers/task/sandbox/d/f/g",
			"browse?path=/containers/task/sandbox/" + strings.Repeat("x", 5000)},
	} {
		for _, path := range paths {
			h.get(code, "/files/"+path)
		}
	}
	h.remove("task")
}

// TestHostileSandbox checks that a hostile task can neither make the agent read files outside the
// sandbox nor make it hang.
func TestHostileSandbox(t *testing.T) {
	h := newHost(t)
	dir := h.sandbox(`ln -s /etc/passwd absolute; ln -s ../../../../../../../../etc/hostname relative; ln -s / slash; ln -s .. up; ln -s loop loop; mkdir d; ` +
		`ln -s /proc/1/root proc; touch stdout; ln -s /etc/shadow stderr; echo the log`)
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sparse.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	_ = sparse.Close()
	const base = "/containers/task/sandbox/"
	began := time.Now()
	for path, code := range map[string]int{
		"absolute": 404, "relative": 404, "loop": 404, "proc": 404, "proc/etc/passwd": 404, "slash/etc/passwd": 404,
		"up/config.json": 404, "up/up/up": 400,
		"fifo": 400, "null": 400, "d": 400, "../config.json": 400, "./d": 400, "d/../../config.json": 400, "d//x": 400,
		"d%00": 400, "%2e%2e/config.json": 400,
		"../../../../../../etc/passwd": 400, "..%2f..%2fetc": 400,
	} {
		h.get(code, "/files/read?offset=0&path="+base+path)
	}
	for path, want := range map[string]string{"slash": "absolute", "up": "absolute"} {
		if names := h.names(base + path); !slices.Contains(names, want) { // the sandbox is the root of the path
			t.Errorf("%s: %q", path, names)
		}
	}
	if data, _ := h.read("offset=1099511627770&path=" + base + "sparse"); len(data) != 6 {
		t.Errorf("the end of a large file: %q", data)
	}
	if data, _ := h.read("offset=0&path=" + base + "sparse"); len(data) != 64<<10 {
		t.Errorf("%d bytes at once", len(data))
	}
	if data, _ := h.read("offset=0&path=" + base + "stdout"); data != "the log\n" {
		t.Errorf("stdout: %q", data)
	}
	if data, _ := h.read("offset=0&path=" + base + "stderr"); data != "" {
		t.Errorf("stderr: %q", data)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("something waited: %s", took)
	}
	h.remove("task")
}
