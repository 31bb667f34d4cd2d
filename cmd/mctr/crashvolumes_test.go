package main

import (
	"os"
	"strings"
	"testing"
)

// volumePoints are the points at which a launch with volumes and limits is killed.
func volumePoints() []string {
	if testing.Short() {
		return []string{"volume/copied", "prepare/volume/local", "quota/mounted"}
	}
	return []string{
		"image", "prepare/volume/local", "prepare/volume/image", "prepare/volume/secret", "prepare/disk/quota", "shim",
		"created", "running", "exited", "cleaned/volume/local", "cleaned/volume/image", "cleaned/volume/secret",
		"released",
		"volume/made", "volume/copying", "volume/copied", "volume/used",
		"quota/intent", "quota/filesystem", "quota/ready", "quota/attached", "quota/mounted",
	}
}

// TestKillWithVolumes kills mctr, or the shim, at every point of a launch with volumes of each kind and
// with limits. What a volume holds afterwards is all of the image's files or nothing, what a task had
// written before stays, and everything can be removed.
func TestKillWithVolumes(t *testing.T) {
	all := newHost(t)
	all.want(0, "pull", "-q", all.image)
	secret := all.root + ".secret"
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	launch := []string{"run", "--name", "crash", "-v", "empty:/etc", "-v", "new:/new", "-v", "kept:/kept",
		"-v", "sized:/sized",
		"-v", "/anonymous", "--mount", "type=image,source=" + all.image + ",target=/image",
		"--secret", "file:" + secret + ",target=/secret", "--storage-opt", "size=16m", "--disk", "16m",
		all.image, "sh", "-c", "echo again >> /kept/file"}
	for _, point := range volumePoints() {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: all.root, state: all.state, image: all.image}
			h.want(0, "volume", "create", "empty")
			h.want(0, "volume", "create", "--size", "16m", "sized")
			h.want(0, "run", "--rm", "-v", "kept:/kept", h.image, "sh", "-c", "echo first > /kept/file")
			h.env = []string{"MCTR_FAILPOINTS=" + point + "=kill"}
			if r := h.mctr(launch...); r.code == 0 && point != "exited" {
				t.Errorf("nothing was killed: %+v", r)
			}
			h.env = nil
			h.eventually("the container has ended", func() bool {
				return h.want(0, "ps", "-a", "--filter", "status=running", "-q").stdout == ""
			})
			h.eventually("reconcile finds nothing", func() bool {
				h.want(0, "reconcile")
				return h.want(0, "reconcile", "--dry-run").stdout == ""
			})
			h.want(0, "rm", "--all")
			r := h.want(0, "run", "--rm", "-v", "empty:/e", "-v", "kept:/k", "-v", "sized:/s", h.image, "sh", "-c",
				"ls /e; cat /k/file; touch /s/x")
			if !strings.Contains(r.stdout, "first") ||
				strings.Contains(r.stdout, "passwd") != strings.Contains(r.stdout, "group") {
				t.Errorf("the volumes hold %q", r.stdout)
			}
			h.want(0, "volume", "prune", "-a", "-f")
			h.wantClean()
		})
	}
}
