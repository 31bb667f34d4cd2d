package treemount_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/treemount"
)

func TestBind(t *testing.T) {
	dir := t.TempDir()
	set := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{dir},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	root, target := filepath.Join(dir, "root"), filepath.Join(dir, "target")
	for _, d := range []string{root + "/real/sub", dir + "/outside"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"inside": "/real", "out": dir + "/outside", "up": "../../../.."} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/real/sub/f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, file := range map[string]string{"real": "sub/f", "inside/sub": "f", "up": "real/sub/f",
		"../../real": "sub/f", ".": "real/sub/f"} {
		if err := treemount.Bind(root, path, target); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(target, file)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for range 2 {
			if err := treemount.Unbind(target); err != nil {
				t.Error(err)
			}
		}
	}
	for _, path := range []string{"out", "real/sub/f", "nosuch"} {
		if err := treemount.Bind(root, path, target); err == nil {
			t.Errorf("%s was mounted", path)
		}
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the target is left")
	}
	set.Check()
}
