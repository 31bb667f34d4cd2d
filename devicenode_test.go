package mctr_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// makeNodes makes DIR/null (a device), DIR/sub/zero, DIR/sub/dangling, DIR/sub/link
// and DIR/file.
func makeNodes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "sub"), 0o755),
		unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o640, int(unix.Mkdev(1, 3))),
		unix.Mknod(filepath.Join(dir, "sub", "zero"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))),
		unix.Mknod(filepath.Join(dir, "loop"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 0))),
		os.Symlink("../nowhere", filepath.Join(dir, "sub", "dangling")),
		os.Symlink("../null", filepath.Join(dir, "sub", "link")),
		os.Symlink("sub", filepath.Join(dir, "tosub")),
		os.Symlink("null", filepath.Join(dir, "tonull")),
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		os.Mkdir(filepath.Join(dir, "empty"), 0o755),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDeviceNodes(t *testing.T) {
	dir := makeNodes(t)
	for _, c := range []struct {
		name string
		d    mctr.Device
		want string // path major:minor, in order
	}{
		{"one", mctr.Device{Source: dir + "/null"}, dir + "/null 1:3"},
		{"a block device", mctr.Device{Source: dir + "/loop"}, dir + "/loop 7:0"},
		{"elsewhere", mctr.Device{Source: dir + "/null", Target: "/dev/x"}, "/dev/x 1:3"},
		{"a directory, without its links", mctr.Device{Source: dir + "/sub", Target: "/dev/all"}, "/dev/all/zero 1:5"},
		{"a directory with a slash", mctr.Device{Source: dir + "/sub/", Target: "/dev/all/"}, "/dev/all/zero 1:5"},
		{"a link to a node", mctr.Device{Source: dir + "/tonull"}, dir + "/tonull 1:3"},
		{"a link to a directory", mctr.Device{Source: dir + "/tosub", Target: "/dev/s"}, "/dev/s/zero 1:5"},
		{"all", mctr.Device{Source: dir, Target: "/d", Permissions: "rw"}, "/d/loop 7:0, /d/null 1:3, /d/sub/zero 1:5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nodes, err := c.d.Nodes()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range nodes {
				got = append(got, n.Path+" "+number(n.Major)+":"+number(n.Minor))
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %s", got, c.want)
			}
		})
	}
}

func number(n int64) string { return string('0' + rune(n)) }

func TestDeviceNodeKeepsModeAndOwner(t *testing.T) {
	dir := makeNodes(t)
	// whatever the umask is
	if err := errors.Join(os.Chown(dir+"/null", 7, 8), os.Chmod(dir+"/null", 0o640)); err != nil {
		t.Fatal(err)
	}
	nodes, err := mctr.Device{Source: dir + "/null"}.Nodes()
	if err != nil || len(nodes) != 1 {
		t.Fatal(nodes, err)
	}
	if n := nodes[0]; n.Mode != unix.S_IFCHR|0o640 || n.UID != 7 || n.GID != 8 {
		t.Errorf("mode %o, owner %d:%d; want 20640, 7:8", n.Mode, n.UID, n.GID)
	}
}

func TestDeviceNodesRefuses(t *testing.T) {
	dir := makeNodes(t)
	for _, d := range []mctr.Device{
		{},
		{Source: "dev/null"},
		{Source: "/dev/null", Target: "null"},
		{Source: dir + "/null", Permissions: "rx"},
		{Source: dir + "/missing"},
		{Source: dir + "/file"},
		{Source: dir + "/fifo"},
		{Source: dir + "/empty"},
		{Source: dir + "/sub/dangling"},
	} {
		_, err := d.Nodes()
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "config.devices "+d.Source) {
			t.Errorf("%+v: %v, want ErrInvalid that names config.devices and the source", d, err)
		}
	}
}
