package quota

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// projectsOf returns the distinct project ids of dir and the files in it that can be opened.
func projectsOf(t *testing.T, dir string) (ids []uint32) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		attr, err := getXAttr(f)
		if (attr.flags&inheritID != 0) != (d.IsDir() && attr.project != 0) {
			t.Errorf("%s has flags %#x", path, attr.flags)
		}
		ids = append(ids, attr.project)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// TestAssign moves a tree between projects, on filesystems that have projects without quotas.
func TestAssign(t *testing.T) {
	for means, option := range map[Means]string{Ext4: "CONFIG_QFMT_V2", XFS: "CONFIG_XFS_FS"} {
		t.Run(string(means), func(t *testing.T) {
			skipWithout(t, option)
			base := t.TempDir()
			mountNew(t, base+"/file", base+"/disk", 320<<20, "nodiscard", fixtures[means].make)
			dir, outside := base+"/disk/dir", base+"/disk/outside"
			must(t, os.MkdirAll(dir+"/a/b", 0o755), os.MkdirAll(outside, 0o755), os.WriteFile(dir+"/a/b/f", nil, 0o600),
				os.WriteFile(outside+"/f", nil, 0o600), os.Symlink(outside, dir+"/a/link"),
				unix.Mknod(dir+"/a/whiteout", unix.S_IFCHR, 0), unix.Mkfifo(dir+"/fifo", 0o640),
				unix.Lsetxattr(dir+"/a/link", "trusted.x", []byte("v"), 0),
				os.Lchown(dir+"/a/link", 3, 4), os.Chown(dir+"/fifo", 3, 4))
			for _, step := range []struct{ from, to uint32 }{{0, 7}, {0, 7}, {7, 9}, {9, 0}, {0, 7}} {
				must(t, assign(t.Context(), dir, step.from, step.to))
				if got := projectsOf(t, dir); !slices.Equal(got, []uint32{step.to}) {
					t.Errorf("%+v: %v", step, got)
				}
			}
			if got := projectsOf(t, outside); !slices.Equal(got, []uint32{0}) {
				t.Errorf("it followed a link: %v", got)
			}
			wantSpecial(t, dir, outside)
			for _, special := range []string{"a/link", "a/whiteout", "fifo"} { // EXDEV with another id
				must(t, os.Rename(filepath.Join(dir, special), dir+"/a/b/moved"))
			}
			if err := assign(t.Context(), dir, 0, 8); err == nil {
				t.Error("took files of another project")
			}
			must(t, unix.Mount(outside, dir+"/a/b", "", unix.MS_BIND, ""))
			if err := assign(t.Context(), dir, 0, 7); err == nil {
				t.Error("crossed a mount")
			}
			must(t, unix.Unmount(dir+"/a/b", 0))
		})
	}
}

// wantSpecial wants the special files as they were made.
func wantSpecial(t *testing.T, dir, target string) {
	t.Helper()
	var st unix.Stat_t
	if got, err := os.Readlink(dir + "/a/link"); err != nil || got != target {
		t.Errorf("link to %s, %v", got, err)
	}
	value := make([]byte, 10)
	if n, err := unix.Lgetxattr(dir+"/a/link", "trusted.x", value); err != nil || string(value[:n]) != "v" {
		t.Errorf("attribute %q, %v", value, err)
	}
	if err := unix.Lstat(dir+"/a/link", &st); err != nil || st.Uid != 3 || st.Gid != 4 {
		t.Errorf("link of %d:%d, %v", st.Uid, st.Gid, err)
	}
	if err := unix.Lstat(dir+"/a/whiteout", &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		t.Errorf("whiteout %+v, %v", st, err)
	}
	if err := unix.Lstat(dir+"/fifo", &st); err != nil || st.Mode != unix.S_IFIFO|0o640 || st.Uid != 3 {
		t.Errorf("fifo %+v, %v", st, err)
	}
}
