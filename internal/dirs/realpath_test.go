package dirs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
)

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(real, 0o755), os.Symlink("real", link)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for path, want := range map[string]string{
		real: real, link: real, "link": real, "link/../link/": real, "/": "/",
		link + "/a": real + "/a", link + "/a/b/c": real + "/a/b/c", "new/x": dir + "/new/x",
	} {
		if got, err := dirs.Resolve(path); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", path, got, err, want)
		}
	}
	if got, err := dirs.Resolve(""); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("empty: %q, %v", got, err)
	}
}
