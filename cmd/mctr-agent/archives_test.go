package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api"
)

// saved saves the image of the host in an archive, and removes it from the store.
func (h *host) saved() string {
	h.t.Helper()
	body, err := api.NewMessage(api.PullImage, api.Pull{Reference: h.image})
	if err != nil {
		h.t.Fatal(err)
	}
	if code, answer := h.post(nil, bytes.NewReader(body)); code != 200 {
		h.t.Fatalf("%d %s", code, answer)
	}
	h.call(200, api.TagImage, api.Tag{Source: h.image, Target: "web:1"}, nil)
	if body, err = api.NewMessage(api.SaveImages, api.Save{References: []string{"web:1"}}); err != nil {
		h.t.Fatal(err)
	}
	code, archive := h.post(nil, bytes.NewReader(body))
	if code != 200 {
		h.t.Fatalf("%d %s", code, archive)
	}
	h.call(200, api.PruneImages, api.Prune{Mctr: &api.PruneOptions{All: true}}, nil)
	return string(archive)
}

const load = `{"type":"LOAD_IMAGES","load_images":{}}`

// TestHostileLoads checks that a truncated or malformed archive leaves nothing in the store.
func TestHostileLoads(t *testing.T) {
	h := newHost(t)
	archive := h.saved()
	good := form{load, archive}.text()
	for _, c := range []struct {
		name, body string
		want       int
	}{
		{"an empty archive", form{load, ""}.text(), 400},
		{"no archive in it", form{load, strings.Repeat("x", 30000)}.text(), 400},
		{"an archive of zeros", form{load, strings.Repeat("\x00", 30000)}.text(), 400},
		{"cut off in the middle", good[:len(good)/2], 400},
		{"cut off at the end", good[:len(good)-10], 400},
		{"half an archive", form{load, archive[:len(archive)/2]}.text(), 400},
		{"a platform that is none", form{`{"type":"LOAD_IMAGES","load_images":{"platform":"a/b/c/d"}}`, archive}.text(),
			400},
		{"an endless name",
			form{fmt.Sprintf(`{"type":"LOAD_IMAGES","load_images":{"name":%q}}`, strings.Repeat("n", 5000)),
				archive}.text(), 400},
		{"an unknown name", form{`{"type":"LOAD_IMAGES","load_images":{"colour":1}}`, archive}.text(), 400},
	} {
		code, answer := h.post(asForm(), strings.NewReader(c.body))
		if code != c.want || len(answer) > 4096 {
			t.Errorf("%s: %d %.300s, want %d", c.name, code, answer, c.want)
		}
	}
	var list api.Images
	if h.call(200, api.ListImages, nil, &list); len(list.Images) > 0 {
		t.Errorf("what came of them: %+v", list.Images)
	}
	if left, err := os.ReadDir(filepath.Join(h.root, "images", "tmp")); err == nil && len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	code, answer := h.post(asForm(), strings.NewReader(good))
	if h.call(200, api.ListImages, nil, &list); code != 200 || len(list.Images) != 1 {
		t.Errorf("a good one: %d %s, %+v", code, answer, list.Images)
	}
	for _, c := range []struct {
		references string
		want       int
	}{
		{`[]`, 400}, {`null`, 400}, {`["nosuch"]`, 404}, {`["web:1","nosuch"]`, 404}, {`["oci:relative"]`, 400},
		{`["UPPER"]`, 400}, {`[1]`, 400}, {`["web:1"],"format":"zip"`, 400},
	} {
		code, answer := h.post(nil,
			strings.NewReader(`{"type":"SAVE_IMAGES","save_images":{"references":`+c.references+`}}`))
		if code != c.want || len(answer) > 4096 {
			t.Errorf("save %s: %d %.300s, want %d", c.references, code, answer, c.want)
		}
	}
	h.call(404, api.TagImage, api.Tag{Source: "nosuch", Target: "x"}, nil)
	h.call(400, api.TagImage, api.Tag{Source: "web:1", Target: "UPPER"}, nil)
	h.call(404, api.GetDiskUsage, api.ID{ContainerID: id("nobody")}, nil)
}

// TestOnlyPrunesNamed checks that PRUNE_IMAGES with only removes no other images, even if only is
// empty.
func TestOnlyPrunesNamed(t *testing.T) {
	h := newHost(t)
	if code, answer := h.post(asForm(), strings.NewReader(form{load, h.saved()}.text())); code != 200 {
		t.Fatalf("%d %s", code, answer)
	}
	h.call(200, api.TagImage, api.Tag{Source: "web:1", Target: "other:1"}, nil)
	for _, c := range []struct {
		only string
		left int
	}{{`[]`, 2}, {`["web"]`, 2}, {`["docker.io/library/web:1"]`, 1}} {
		body := `{"type":"PRUNE_IMAGES","prune_images":{"mctr":{"all":true,"only":` + c.only + `}}}`
		code, answer := h.post(nil, strings.NewReader(body))
		var list api.Images
		if h.call(200, api.ListImages, nil, &list); code != 200 || len(list.Images) != c.left {
			t.Errorf("%s: %d %s: %d images are left", c.only, code, answer, len(list.Images))
		}
	}
}

// TestLeftSave checks that the agent stops saving when the client disconnects in the middle of an
// archive.
func TestLeftSave(t *testing.T) {
	h := newHost(t)
	if code, answer := h.post(asForm(), strings.NewReader(form{load, h.saved()}.text())); code != 200 {
		t.Fatalf("%d %s", code, answer)
	}
	h.client.CloseIdleConnections()
	before := 0
	h.eventually("it is quiet", func() bool { n := h.descriptors(); quiet := n == before; before = n; return quiet })
	body, err := api.NewMessage(api.SaveImages, api.Save{References: []string{"web:1"}})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.open(nil, bytes.NewReader(body))
	if _, err := io.ReadFull(answer.Body, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	_ = answer.Body.Close()
	h.eventually("the agent holds no more than before", func() bool { return h.descriptors() <= before })
}
