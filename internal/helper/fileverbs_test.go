package helper_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/helper"
)

// TestFiles: the verbs work below the root, and no link or ".." leads out of it.
func TestFiles(t *testing.T) {
	root, target := t.TempDir(), t.TempDir()+"/at"
	leaks := snapshot(t, target)
	if err := errors.Join(os.Mkdir(root+"/real", 0o755), os.Symlink(t.TempDir(), root+"/out")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    helper.Request
		want error
	}{
		{helper.Request{Verb: helper.VerbMkdir, Path: "real/a/b", Flags: 0o775}, nil},
		{helper.Request{Verb: helper.VerbMkdir, Path: "real/a/b", Flags: 0o700}, nil},
		{helper.Request{Verb: helper.VerbMkdir, Path: "../b", Flags: 0o775}, unix.EINVAL},
		{helper.Request{Verb: helper.VerbMkdir, Path: "out/b", Flags: 0o775}, unix.EINVAL},
		{helper.Request{Verb: helper.VerbSetxattr, Path: "real/a", Type: "trusted.mctr", Data: "x"}, nil},
		{helper.Request{Verb: helper.VerbSetxattr, Path: "out", Type: "trusted.mctr", Data: "x"}, unix.ENOENT},
		{helper.Request{Verb: helper.VerbRmdir, Path: "real/a"}, unix.ENOTEMPTY},
		{helper.Request{Verb: helper.VerbRmdir, Path: "out/x"}, unix.ENOENT},
		{helper.Request{Verb: helper.VerbBind, Data: "out", Path: target}, unix.ENOENT},
		{helper.Request{Verb: helper.VerbBind, Data: "real/a", Path: target}, nil},
		{helper.Request{Verb: helper.VerbAbort, Path: "../1"}, unix.EINVAL},
		{helper.Request{Verb: helper.VerbAbort, Path: "4294967295"}, unix.ENOENT},
	} {
		c.r.Source = root
		if _, err := runner.Do(t.Context(), c.r); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.r, err, c.want)
		}
	}
	a, err := runner.Do(t.Context(), helper.Request{Verb: helper.VerbGetxattr, Source: root, Path: "real/a",
		Type: "trusted.mctr"})
	if err != nil || a.Value != "x" {
		t.Errorf("attribute: %+v, %v", a, err)
	}
	a, err = runner.Do(t.Context(), helper.Request{Verb: helper.VerbList, Source: root})
	if err != nil || len(a.Names) != 2 || a.Names[0] != "out" {
		t.Errorf("names: %+v, %v", a, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(target+"/b", &st); err != nil || st.Mode&0o7777 != 0o775 {
		t.Errorf("the directory through the mount: mode %o, %v", st.Mode, err)
	}
	if _, err := runner.Do(t.Context(), helper.Request{Verb: helper.VerbUmount, Path: target}); err != nil {
		t.Error(err)
	}
	leaks.Check()
}
