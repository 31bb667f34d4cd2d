package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/internal/cephfs/cephtest"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// TestCephFS runs containers with a volume of CephFS, whose client and cluster fail. Each command ends, and
// nothing is left.
func TestCephFS(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	dir, err := os.MkdirTemp("", "cf") // short, because of the client's socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if entries(dir+"/state/cephfs") != nil || len(c.Clients()) > 0 {
			t.Errorf("left: %q and the clients %v", entries(dir+"/state/cephfs"), c.Clients())
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	h := newHostIn(t, filepath.Join(dir, "root"), filepath.Join(dir, "state"), imagetest.Busybox(t, t.TempDir()))
	h.want(0, "volume", "create", "-d", "cephfs", "-o", "mon="+c.Monitor, "-o", "key-file="+c.KeyFile, "-o",
		"directory=vol/a", "-o", "create=true", "v")
	h.want(0, "run", "--rm", "-q", "-v", "v:/v", h.image, "sh", "-c", "mkdir /v/sub; echo kept >/v/sub/file")
	r := h.want(0, "run", "--rm", "-q", "--mount", "type=volume,src=v,dst=/v,volume-subpath=sub,readonly", h.image,
		"sh", "-c", "cat /v/file; touch /v/x || echo refused")
	if r.stdout != "kept\nrefused\n" {
		t.Errorf("got %q, %s", r.stdout, r.stderr)
	}
	h.want(125, "run", "--rm", "-q", "--mount", "type=volume,src=v,dst=/v,volume-subpath=none", h.image, "true")
	t.Run("client killed", func(t *testing.T) { testCephClientKilled(t, h, c) })
	t.Run("metadata server killed", func(t *testing.T) { testCephServerKilled(t, h, c) })
	h.want(0, "volume", "rm", "v")
}

// testCephClientKilled: the container of a client that was killed sees errors and no waits, and works again
// once it is started again.
func testCephClientKilled(t *testing.T, h *host, c *cephtest.Cluster) {
	h.want(0, "run", "-d", "--name", "box", "-v", "v:/v", h.image, "sleep", "1000")
	h.want(0, "exec", "box", "cat", "/v/sub/file")
	if r := h.want(1, "volume", "rm", "v"); !strings.Contains(r.stderr, "in use by container") {
		t.Errorf("remove a volume in use: %s", r.stderr)
	}
	c.KillClients()
	if r := h.want(1, "exec", "box", "cat", "/v/sub/file"); !strings.Contains(r.stderr, "not connected") {
		t.Errorf("exec: %s", r.stderr)
	}
	if r := h.want(0, "inspect", "box"); !strings.Contains(r.stdout, "start the container again") {
		t.Errorf("inspect does not warn: %s", r.stdout)
	}
	h.want(0, "stop", "-t", "0", "box")
	h.want(0, "start", "box")
	h.want(0, "exec", "box", "cat", "/v/sub/file")
	h.want(0, "rm", "-f", "box")
	h.wantClean("/volumes/v")
}

// testCephServerKilled: a container whose processes wait for a dead server, in a sleep that no signal ends,
// is removed; a launch is refused.
func testCephServerKilled(t *testing.T, h *host, c *cephtest.Cluster) {
	h.want(0, "run", "-d", "--name", "box", "-v", "v:/v", h.image, "sh", "-c",
		"while :; do n=$((n+1)); echo $n >/v/$n; done")
	c.Kill(cephtest.Metadata)
	last := ""
	h.eventually("the writer waits", func() bool {
		time.Sleep(100 * time.Millisecond)
		before := last
		last = h.want(0, "top", "box", "-o", "stat,wchan:30").stdout
		return before == last && strings.Contains(last, "request_wait_answer")
	})
	r := h.mctr("rm", "-f", "box")
	if r.code != 0 && !strings.Contains(r.stderr, "by force") {
		t.Errorf("rm -f: %s", r.stderr)
	}
	h.mctr("rm", "-f", "box")
	h.wantClean("/volumes/v")
	if os.Getenv("MCTR_LONG") == "" {
		return // the launch takes until its deadline
	}
	r = h.want(125, "run", "--rm", "-q", "-v", "v:/v", h.image, "true")
	if !strings.Contains(r.stderr, "mount volume v at /v") || !strings.Contains(r.stderr, c.Monitor) {
		t.Errorf("a launch: %s", r.stderr)
	}
}
