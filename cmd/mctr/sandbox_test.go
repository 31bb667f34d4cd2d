package main

import (
	"strings"
	"testing"
)

// TestSandbox writes to the sandbox as root, as another user, and on the filesystem of the host. No
// container can see the sandbox of another one.
func TestSandbox(t *testing.T) {
	h := newHost(t)
	const write = `echo mine >"$MESOS_SANDBOX/file" && cat "$MESOS_SANDBOX/file"`
	for _, user := range []string{"", "user", "4711:4711"} {
		if r := h.want(0, "run", "-q", "--rm", "-u", user, h.image, "sh", "-c", write); r.stdout != "mine\n" {
			t.Errorf("user %q: %+v", user, r)
		}
	}
	h.want(0, "run", "-q", "-d", "--name", "other", h.image, "sleep", "100")
	id := strings.TrimSpace(h.want(0, "ps", "-q", "--no-trunc").stdout)
	r := h.want(0, "run", "--rm", "--no-image", "--", "sh", "-c", write+`; pwd; ls `+h.root+`/containers `+h.state)
	if !strings.HasPrefix(r.stdout, "mine\n"+h.root+"/containers/") {
		t.Errorf("on the host's filesystem: %+v", r)
	}
	if strings.Contains(r.stdout, id) {
		t.Errorf("another container's directory can be seen: %s", r.stdout)
	}
	h.want(0, "rm", "-f", "other")
}
