package provisioner_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

type entries = []imagetest.Entry

// treeCases are images whose layers are hard to put together. Each is unpacked
// by both backends and by `umoci unpack`, and the trees are compared.
var treeCases = []struct {
	name    string
	layers  []entries
	implied []string // directories no layer describes: their time is that of unpacking
}{
	{name: "empty layer", layers: []entries{{}}},
	{name: "no layers", layers: nil},
	{name: "root entry",
		layers: []entries{{imagetest.Dir(".", 0o711).With(imagetest.Owner(3, 4), imagetest.Xattr("user.r", "1"))},
			{imagetest.File("a", "1")}}},
	{name: "root entry on top",
		layers: []entries{{imagetest.Dir(".", 0o711)}, {imagetest.Dir(".", 0o750).With(imagetest.Owner(5, 6))},
			{imagetest.Dir("d", 0o755)}}},
	{name: "kinds", layers: []entries{{
		imagetest.Dir("d", 0o1777), imagetest.File("d/f", "x").With(imagetest.Owner(1000, 2000)),
		imagetest.Exec("d/suid", "s").With(imagetest.Mode(0o6755), imagetest.Owner(1, 2)),
		imagetest.Symlink("d/l", "/nowhere").With(imagetest.Owner(7, 8)), imagetest.Link("d/h", "d/f"),
		imagetest.Special("d/fifo", tar.TypeFifo, 0, 0), imagetest.Special("d/chr", tar.TypeChar, 1, 3),
		imagetest.Special("d/blk", tar.TypeBlock, 7, 200),
		imagetest.File("d/caps", "c").With(
			imagetest.Xattr("security.capability",
				"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
		imagetest.File("d/user", "c").With(imagetest.Xattr("user.a", "1"), imagetest.Xattr("user.empty", ""),
			imagetest.At(time.Unix(5, 123456789))),
		imagetest.Dir("d/dir", 0o500).With(imagetest.Xattr("user.dir", "y"), imagetest.Owner(9, 9)),
	}}},
	{name: "whiteouts", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/gone", "1"), imagetest.File("d/stays", "2"),
			imagetest.Dir("d/sub", 0o755), imagetest.File("d/sub/x", "3")},
		{imagetest.Dir("d", 0o700), imagetest.Whiteout("d/gone"), imagetest.Whiteout("d/sub")},
		{imagetest.Dir("d", 0o750), imagetest.Dir("d/sub", 0o711), imagetest.File("d/sub/y", "4")},
	}},
	{name: "opaque", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/gone", "1"), imagetest.Dir("d/sub", 0o755),
			imagetest.File("d/sub/x", "3")},
		{imagetest.Dir("d", 0o700), imagetest.File("d/new", "n"), imagetest.Opaque("d"),
			imagetest.File("d/after", "a")},
	}},
	{name: "opaque root", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/gone", "1"), imagetest.File("gone", "2")},
		{imagetest.File("new", "n"), imagetest.Opaque(""), imagetest.File("after", "a")},
	}},
	{name: "implied parents", layers: []entries{
		{imagetest.Dir("d", 0o711).With(imagetest.Owner(11, 12)),
			imagetest.Dir("d/e", 0o701).With(imagetest.Owner(13, 14)), imagetest.File("d/e/a", "1")},
		{imagetest.File("d/e/b", "2")},
		{imagetest.Whiteout("d/e/a")},
	}},
	{name: "implied parents that nobody describes",
		layers:  []entries{{imagetest.File("x/y/z", "1")}, {imagetest.File("x/y/w", "2")}},
		implied: []string{".", "x", "x/y"}},
	{name: "parents implied by whiteouts alone",
		layers: []entries{{imagetest.Dir("a", 0o711).With(imagetest.Owner(1, 2)), imagetest.File("a/b", "1")},
			{imagetest.Whiteout("a/b")}}},
	{name: "children before their directory",
		layers:  []entries{{imagetest.File("d/f", "1"), imagetest.Dir("d", 0o705).With(imagetest.Owner(1, 1))}},
		implied: []string{"."}},
	{name: "hard link across layers", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/a", "1").With(imagetest.Owner(4, 4))},
		{imagetest.Dir("d", 0o755), imagetest.Link("d/b", "d/a")},
	}},
	{name: "hard link to a symbolic link", layers: []entries{{imagetest.Symlink("s", "t"), imagetest.Link("s2", "s")}}},
	{name: "through a symbolic link of a lower layer", layers: []entries{
		{imagetest.Dir("usr", 0o755), imagetest.Dir("usr/lib", 0o755), imagetest.Symlink("lib", "usr/lib"),
			imagetest.File("usr/lib/a", "1")},
		{imagetest.File("lib/b", "2"), imagetest.Whiteout("lib/a")},
	}},
	{name: "directory in place of a link and back", layers: []entries{
		{imagetest.Dir("usr", 0o755), imagetest.Symlink("lib", "usr"), imagetest.Dir("bin", 0o755),
			imagetest.File("bin/x", "1")},
		{imagetest.Dir("lib", 0o755), imagetest.File("lib/c", "1"), imagetest.Symlink("bin", "usr")},
	}},
	{name: "file over directory over file", layers: []entries{
		{imagetest.Dir("p", 0o755), imagetest.File("p/k", "1")}, {imagetest.File("p", "f")},
		{imagetest.Dir("p", 0o711), imagetest.File("p/j", "2")},
	}},
	{name: "file then directory in one layer", layers: []entries{
		{imagetest.Dir("p", 0o755), imagetest.File("p/k", "1")}, {imagetest.File("p", "f"), imagetest.Dir("p", 0o711)},
	}},
	{name: "whiteout of what the same layer brings", layers: []entries{
		{imagetest.File("a", "old"), imagetest.File("b", "old")},
		{imagetest.File("a", "new"), imagetest.Whiteout("a"), imagetest.Whiteout("b"), imagetest.File("b", "new")},
	}},
	{name: "whiteout then directory in one layer", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/old", "1")},
		{imagetest.Whiteout("d"), imagetest.Dir("d", 0o700), imagetest.File("d/new", "2")},
	}},
	{name: "the same layer thrice", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/a", "1")},
		{imagetest.Dir("d", 0o700), imagetest.File("d/a", "2"), imagetest.File("d/b", "3")},
		{imagetest.Dir("d", 0o755), imagetest.File("d/a", "1")}, {},
		{imagetest.Dir("d", 0o755), imagetest.File("d/a", "1")}, {},
	}},
	{name: "absolute names and dots",
		layers: []entries{{imagetest.Dir("/d", 0o755), imagetest.File("/d/a", "1"), imagetest.File("./d/./b", "2"),
			imagetest.Link("d/c", "/d/a")}}},
	{name: "long names",
		layers: []entries{{imagetest.Dir(strings.Repeat("n", 255), 0o755),
			imagetest.File(strings.Repeat("n", 255)+"/"+strings.Repeat("m", 255), "1")}}},
	{name: "names that are not text",
		layers: []entries{{imagetest.File("\xff\xfe", "1"), imagetest.File("a,b:c\\d e\"", "2")}}},
	{name: "attributes of overlayfs", layers: []entries{
		{imagetest.Dir("d", 0o755), imagetest.File("d/a", "1")},
		{imagetest.Dir("d", 0o755).With(imagetest.Xattr("trusted.overlay.opaque", "y"),
			imagetest.Xattr("trusted.overlay.redirect", "/etc"))},
		{imagetest.File("d/sub/b", "1"),
			imagetest.Dir("d/sub", 0o700).With(imagetest.Xattr("trusted.overlay.opaque", "y"))},
	}, implied: []string{"d"}},
	{name: "sparse file",
		layers: []entries{{imagetest.File("s", strings.Repeat("\x00", 1<<20)+"x"+strings.Repeat("\x00", 1<<20))}}},
}

func TestTreesEqualUmoci(t *testing.T) {
	for _, c := range treeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec := imagetest.Spec{}
			for _, l := range c.layers {
				spec.Layers = append(spec.Layers, imagetest.Tar(t, l...))
			}
			compareWithUmoci(t, imagetest.Build(t, spec), c.implied)
		})
	}
}

// compareWithUmoci unpacks an image in every way and compares the trees.
func compareWithUmoci(t *testing.T, c imagetest.Content, implied []string) {
	t.Helper()
	dir := t.TempDir()
	ref := imagetest.Layout(t, filepath.Join(dir, "layout"), "v1", c)
	want := umociTree(t, dir, implied)
	for _, backend := range []string{"overlay", "copy"} {
		p, _ := newProvisioner(t, provisioner.WithBackend(backend))
		for _, ro := range []bool{false, true} {
			launch(t, p, ref, provisioner.MountOptions{ReadOnly: ro}, func(target string) {
				if diff := cmp.Diff(want, settled(imagetest.Tree(t, target), implied)); diff != "" {
					t.Errorf("%s, read-only %v: tree differs from umoci's (-umoci +mctr):\n%s", backend, ro, diff)
				}
			})
		}
	}
	p, _ := newProvisioner(t)
	img, err := p.Pull(context.Background(), ref, provisioner.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Unpack(context.Background(), img, filepath.Join(dir, "flat")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, settled(imagetest.Tree(t, filepath.Join(dir, "flat")), implied)); diff != "" {
		t.Errorf("unpacked tree differs from umoci's (-umoci +mctr):\n%s", diff)
	}
}

func umociTree(t *testing.T, dir string, implied []string) map[string]imagetest.Node {
	t.Helper()
	cmd := exec.Command("sh", "-c", "umask 022; exec \"$@\"", "sh", "umoci", "unpack", "--image",
		filepath.Join(dir, "layout")+":v1", filepath.Join(dir, "bundle"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("umoci unpack: %v\n%s", err, out)
	}
	return settled(imagetest.Tree(t, filepath.Join(dir, "bundle/rootfs")), implied)
}

// settled forgets the time of directories that are as old as the test.
func settled(tree map[string]imagetest.Node, implied []string) map[string]imagetest.Node {
	for _, name := range implied {
		n := tree[name]
		n.Mtime = 0
		tree[name] = n
	}
	for _, n := range tree { // older umoci drops these; see TestOverlayAttributes
		maps.DeleteFunc(n.Xattrs, func(name, _ string) bool { return strings.HasPrefix(name, "trusted.overlay.") })
	}
	return tree
}

// TestHostFiles packs real programs and libraries of this host, in two layers.
func TestHostFiles(t *testing.T) {
	tarOf := func(args ...string) []byte {
		out, err := exec.Command("tar",
			append([]string{"--xattrs", "--xattrs-include=*", "-C", "/", "-c"}, args...)...).Output()
		if err != nil {
			t.Fatalf("tar %v: %v", args, err)
		}
		return out
	}
	compareWithUmoci(t, imagetest.Build(t, imagetest.Spec{
		Layers: [][]byte{
			tarOf("etc/passwd", "etc/alternatives", "bin", "usr/bin/env", "usr/bin/passwd", "usr/bin/perl",
				"usr/bin/mount", "usr/share/doc/bash", "var/lib/dpkg/info"),
			tarOf("--no-recursion", "etc", "usr", "usr/bin", "usr/bin/passwd", "usr/share"),
		},
		Config: v1.ImageConfig{},
	}), impliedDirs(".", "usr", "usr/bin", "usr/share", "usr/share/doc", "etc", "var", "var/lib", "var/lib/dpkg"))
}

func impliedDirs(names ...string) []string { return names }

// TestBusybox runs a program from the root filesystem of a busybox image.
func TestBusybox(t *testing.T) {
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	list := entries{imagetest.Dir("bin", 0o755), imagetest.Exec("bin/busybox", string(program))}
	out, err := exec.Command("/bin/busybox", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if name != "busybox" {
			list = append(list, imagetest.Link("bin/"+name, "bin/busybox"))
		}
	}
	c := imagetest.Build(t, imagetest.Spec{Layers: [][]byte{imagetest.Tar(t, list...)}, Compress: "zstd"})
	compareWithUmoci(t, imagetest.Build(t, imagetest.Spec{Layers: [][]byte{imagetest.Tar(t, list...)}}), nil)
	p, _ := newProvisioner(t)
	launch(t, p, imagetest.Layout(t, t.TempDir(), "", c), provisioner.MountOptions{}, func(target string) {
		out, err := exec.Command("chroot", target, "/bin/sh", "-c", "echo ok > /f && cat /f").CombinedOutput()
		if err != nil || string(out) != "ok\n" {
			t.Errorf("chroot: %q, %v", out, err)
		}
	})
}

// TestManyLayers stacks more layers than fit one page of mount options.
func TestManyLayers(t *testing.T) {
	var layers [][]byte
	for i := range 300 {
		layers = append(layers,
			imagetest.Tar(t, imagetest.File(fmt.Sprintf("f%d", i), "x"), imagetest.File("last", fmt.Sprint(i))))
	}
	p, _ := newProvisioner(t, provisioner.WithBackend("overlay"))
	ref := imagetest.Layout(t, t.TempDir(), "", imagetest.Build(t, imagetest.Spec{Layers: layers}))
	launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
		wantFile(t, filepath.Join(target, "f0"), "x")
		wantFile(t, filepath.Join(target, "last"), "299")
	})
}

// TestDebootstrap compares a whole Debian. It takes minutes and the network:
// set MCTR_TEST_DEBIAN to a mirror's URL.
func TestDebootstrap(t *testing.T) {
	mirror := os.Getenv("MCTR_TEST_DEBIAN")
	if mirror == "" {
		t.Skip("set MCTR_TEST_DEBIAN to the URL of a Debian mirror to run this")
	}
	root := filepath.Join(t.TempDir(), "debian")
	if out, err := exec.Command("debootstrap", "--variant=minbase", "stable", root,
		mirror).CombinedOutput(); err != nil {
		t.Fatalf("debootstrap: %v\n%s", err, bytes.TrimSpace(out))
	}
	out, err := exec.Command("tar", "--xattrs", "--xattrs-include=*", "-C", root, "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	compareWithUmoci(t, imagetest.Build(t, imagetest.Spec{Layers: [][]byte{out}}), nil)
}
