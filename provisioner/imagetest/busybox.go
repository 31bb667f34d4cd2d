package imagetest

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// applets lists the commands in Busybox's image.
const applets = "sh ls cat echo true false sleep ps id mount hostname head tail yes dd env free wc seq stty nproc " +
	"touch rm mkdir " +
	"kill date grep tr printf test readlink stat nohup setsid top vi"

// Busybox writes an image of this host's static busybox in two layers, with users root and user
// (1000, also in group extra, 2000), and returns its reference.
func Busybox(tb testing.TB, dir string) string {
	tb.Helper()
	return BusyboxWith(tb, dir, v1.ImageConfig{})
}

// BusyboxWith is Busybox with a config.
func BusyboxWith(tb testing.TB, dir string, config v1.ImageConfig) string {
	tb.Helper()
	return BusyboxOf(tb, dir, Spec{Config: config})
}

// BusyboxOf is Busybox with everything in spec except its layers. The default is no compression,
// which would take a second for each test under the race detector.
func BusyboxOf(tb testing.TB, dir string, spec Spec) string {
	tb.Helper()
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		tb.Fatal(err, "(apt-get install busybox-static)")
	}
	programs := []Entry{Dir("bin", 0o755), Exec("bin/busybox", string(data)), Dir("tmp", 0o1777), Dir("etc", 0o755)}
	for _, applet := range strings.Fields(applets) {
		programs = append(programs, Symlink("bin/"+applet, "busybox"))
	}
	users := []Entry{
		Dir("etc", 0o755),
		File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"),
		File("etc/group", "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"),
	}
	spec.Compress = cmp.Or(spec.Compress, "none")
	spec.Layers = [][]byte{Tar(tb, programs...), Tar(tb, users...)}
	return Layout(tb, filepath.Join(dir, "busybox"), "latest", Build(tb, spec))
}
