package provisioner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// lies are what a broken mirror may answer instead of the content.
var lies = []struct {
	name, path string // of the requests that it answers so
	answer     func(content []byte) (code int, body []byte)
}{
	{"another blob", "/blobs/", func(b []byte) (int, []byte) { return 200, bytes.Repeat([]byte("x"), len(b)) }},
	{"a longer blob", "/blobs/", func(b []byte) (int, []byte) { return 200, append(b, 'x') }},
	{"a shorter blob", "/blobs/", func(b []byte) (int, []byte) { return 200, b[:len(b)/2] }},
	{"no blob", "/blobs/", func([]byte) (int, []byte) { return 404, nil }},
	{"an error for a blob", "/blobs/", func([]byte) (int, []byte) { return 500, nil }},
	{"a page for a blob", "/blobs/", func([]byte) (int, []byte) { return 200, []byte("<html>log in</html>") }},
	{"another child", "/manifests/sha256:", func(b []byte) (int, []byte) { return 200, append(b, '\n') }},
	{"a page for the tag", "/manifests/v1", func([]byte) (int, []byte) { return 200, []byte("<html>log in</html>") }},
	{"another digest for the tag", "/manifests/v1", func(b []byte) (int, []byte) { return 200, append(b, '\n') }},
}

// lie makes r answer so what it is asked for by path.
func lie(r *imagetest.Registry, c imagetest.Content, path string, answer func([]byte) (int, []byte)) {
	r.Intercept = func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.Contains(req.URL.Path, path) {
			return false
		}
		content, digest := c.Blobs[c.Top.Digest], c.Top.Digest
		for d, data := range c.Blobs {
			if strings.HasSuffix(req.URL.Path, d.String()) {
				content, digest = data, d
			}
		}
		code, body := answer(bytes.Clone(content))
		w.Header().Set("Docker-Content-Digest", digest.String())
		w.WriteHeader(code)
		_, _ = w.Write(body)
		return true
	}
}

// TestLyingMirrors wants the next endpoint to be asked when one has not what it
// should, and if none has, an error that names each.
func TestLyingMirrors(t *testing.T) {
	c := imagetest.Index(t, imagetest.Simple(t, "true"))
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			var hosts string
			var mirrors []*imagetest.Registry
			for range 2 {
				r := imagetest.NewRegistry(t)
				r.Push(t, "team/image", "v1", c)
				mirrors = append(mirrors, r)
				hosts += fmt.Sprintf("[host.%q]\n", r.URL)
			}
			dir := t.TempDir()
			ca := filepath.Join(dir, "none")
			if err := os.WriteFile(ca, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			writeHosts(t, dir, "registry.test", "server = \"http://127.0.0.1:1\"\n"+hosts, ca)
			lie(mirrors[0], c, l.path, l.answer)
			p, _ := newProvisioner(t, provisioner.WithHostsDirs(dir))
			img, err := p.Pull(context.Background(), "registry.test/team/image:v1", provisioner.PullOptions{})
			if err != nil || img.Config.Env[0] != "TEXT=true" {
				t.Errorf("with one that lies: %+v, %v", img, err)
			}
			lie(mirrors[1], c, l.path, l.answer)
			q, root := newProvisioner(t, provisioner.WithHostsDirs(dir))
			_, err = q.Pull(context.Background(), "registry.test/team/image:v1", provisioner.PullOptions{})
			for _, host := range []string{mirrors[0].Host(), mirrors[1].Host(), "127.0.0.1:1"} {
				if err == nil || !strings.Contains(err.Error(), host) {
					t.Errorf("with two that lie: %v; want an error with %s", err, host)
				}
			}
			if errors.Is(err, mctr.ErrInvalid) {
				wantEmptyStore(t, root)
			}
		})
	}
}

// TestMirrorEndsMidway has a blob begun by one endpoint and finished by the next.
func TestMirrorEndsMidway(t *testing.T) {
	c := big(t, 1<<20)
	mirror, server := imagetest.NewRegistry(t), imagetest.NewRegistry(t)
	for _, r := range []*imagetest.Registry{mirror, server} {
		r.Push(t, "team/image", "v1", c)
	}
	mirror.CutAfter, mirror.NoRange = 300_000, true // it never gets further
	dir := t.TempDir()
	ca := filepath.Join(dir, "none")
	if err := os.WriteFile(ca, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	writeHosts(t, dir, "registry.test", fmt.Sprintf("server = %q\n[host.%q]\n", server.URL, mirror.URL), ca)
	p, _ := newProvisioner(t, provisioner.WithHostsDirs(dir))
	if _, err := p.Pull(context.Background(), "registry.test/team/image:v1", provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if ranges := server.Ranges(); len(ranges) != 1 || !strings.HasPrefix(ranges[0], "bytes=300000-") {
		t.Errorf("the server was asked for %q, want what the mirror did not bring", ranges)
	}
}
