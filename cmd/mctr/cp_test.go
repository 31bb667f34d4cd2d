package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// smallDisk mounts a tmpfs of this size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("mctr", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
		// A container of another test that shares the host's filesystem may have it mounted, too.
		for deadline := time.Now().Add(10 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	})
	return dir
}

// TestCopyFromSwappingContainer copies from and to a container that keeps replacing a directory with a
// link to a path outside and back (CVE-2018-15664). No copy may read or write anything outside.
func TestCopyFromSwappingContainer(t *testing.T) {
	h := newHost(t)
	outside := filepath.Join(t.TempDir(), "outside")
	files := map[string]string{"f": "secret", "deep/f": "secret"}
	for name, content := range files {
		path := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	before := imagetest.Tree(t, outside)
	swap := `busybox mkdir -p /w/real/deep; echo inner >/w/real/f; echo inner >/w/real/deep/f
busybox ln -s ` + outside + ` /w/absolute; busybox ln -s ../../../../../../../../../../..` + outside + ` /w/relative; busybox ln -s /proc/1/root` + outside + ` /w/magic
echo ready
while :; do for l in absolute relative magic; do busybox mv -T /w/real /w/d; busybox mv -T /w/d /w/real; busybox mv -T /w/$l /w/d; busybox mv -T /w/d /w/$l; done; done`
	h.want(0, "run", "-d", "-q", "--name", "swap", h.image, "sh", "-c", swap)
	h.eventually("it swaps", func() bool { return strings.Contains(h.want(0, "logs", "swap").stdout, "ready") })
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := 0
	for range 40 {
		for _, path := range []string{"/w/d/f", "/w/d/.", "/w", "/w/d/deep"} {
			r := h.mctr("cp", "-L", "swap:"+path, "-")
			if strings.Contains(r.stdout, "secret") {
				t.Fatalf("%s: a file of the host's came out", path)
			}
			copied += strings.Count(r.stdout, "inner\n")
		}
		h.mctr("cp", own, "swap:/w/d/f")
		h.mctr("cp", own, "swap:/w/d/deep")
		h.mctr("cp", filepath.Dir(own)+"/.", "swap:/w/d")
	}
	if copied == 0 {
		t.Error("nothing was ever copied: the test looks at nothing")
	}
	if diff := cmp.Diff(before, imagetest.Tree(t, outside)); diff != "" {
		t.Errorf("outside:\n%s", diff)
	}
	h.want(0, "rm", "-f", "swap")
}

// TestCopyToFullDisk checks that a copy to a full disk, on the host or in the container, fails with a
// clear error and leaves no partial file.
func TestCopyToFullDisk(t *testing.T) {
	h := newHost(t)
	small := smallDisk(t, "1m")
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	h.want(0, "run", "-d", "-q", "--name", "full", "--tmpfs", "/small:size=1m", h.image, "sleep", "100")
	h.want(0, "cp", big, "full:/big")
	for _, args := range [][]string{{"full:/big", small}, {"full:/big", small + "/x"}, {big, "full:/small"}} {
		if r := h.want(1, "cp", args[0], args[1]); !strings.Contains(r.stderr, "no space left") {
			t.Errorf("%v: %s", args, r.stderr)
		}
	}
	if list := entries(small); len(list) > 0 {
		t.Errorf("left on the host: %q", list)
	}
	if r := h.want(0, "exec", "full", "busybox", "ls", "-A", "/small"); r.stdout != "" {
		t.Errorf("left in the container: %q", r.stdout)
	}
	h.want(0, "rm", "-f", "full")
}

// TestInterruptedCopy interrupts a copy in the middle of a file with SIGTERM, and checks that nothing is
// left.
func TestInterruptedCopy(t *testing.T) {
	h := newHost(t)
	h.want(0, "create", "--name", "slow", h.image, "true")
	cmd := h.command("cp", "-", "slow:/tmp")
	stream, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	whole := imagetest.Tar(t, imagetest.File("f", strings.Repeat("x", 1<<20)))
	if _, err := stream.Write(whole[:len(whole)/2]); err != nil {
		t.Fatal(err)
	}
	upper := func() (names []string) {
		found, _ := filepath.Glob(filepath.Join(h.root, "containers/*/rw/upper/tmp/.tmp-*"))
		return found
	}
	h.eventually("the file is begun", func() bool { return len(upper()) > 0 })
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	if left := upper(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if r := h.want(0, "cp", "slow:/tmp", "-"); strings.Contains(r.stdout, "tmp/f") {
		t.Error("a part of the file has its name")
	}
	h.want(0, "rm", "slow")
}

// TestWaitingCanBeInterrupted checks that one signal ends a command that waits for another process.
func TestWaitingCanBeInterrupted(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.want(0, "create", "--name", "waits", h.image, "true")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"load", "-i", fifo}, {"load"}, {"save", "-o", fifo, h.image}, {"save", h.image}, {"cp", "-", "waits:/tmp"},
		{"cp", "waits:/bin", "-"},
		{"login", "-u", "me", "--password-stdin", "127.0.0.1:1"},
	} {
		cmd := h.command(args...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe() // never read
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := cmd.Process.Signal(unix.SIGINT); err != nil {
			t.Errorf("%q did not wait: %v", args, err)
		}
		started := time.Now()
		state, err := cmd.Process.Wait()
		if err != nil || state.Success() || time.Since(started) > 10*time.Second {
			t.Errorf("%q: %v, %v after %v", args, state, err, time.Since(started))
		}
		_, _ = in.Close(), out.Close()
	}
	h.want(0, "rm", "waits")
}

// TestKilledCopyLeavesNothingMounted kills a copy from a stopped container. The filesystem was mounted
// only for the copy, so that the container can be started and removed at once.
func TestKilledCopyLeavesNothingMounted(t *testing.T) {
	h := newHost(t)
	h.want(0, "create", "--name", "killed", h.image, "true")
	cmd := h.command("cp", "-", "killed:/tmp")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.eventually("it is mounted", func() bool {
		found, _ := filepath.Glob(filepath.Join(h.root, "containers", "*", "rw", "work", "*"))
		return len(found) > 0
	})
	// The copy holds the lock of the container, so that a start waits.
	start := h.command("start", "-a", "killed")
	if err := start.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- start.Wait() }()
	select {
	case err := <-ended:
		t.Errorf("the container started while it was copied to: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := <-ended; err != nil {
		t.Error("start:", err)
	}
	if r := h.want(0, "reconcile", "--dry-run"); r.stdout != "" {
		t.Errorf("left: %s", r.stdout)
	}
	h.want(0, "rm", "killed")
}

// TestKilledLoad kills a load at each step. Afterwards the store must be intact, and the next load must
// succeed.
func TestKilledLoad(t *testing.T) {
	h := newHost(t)
	archive := filepath.Join(t.TempDir(), "a.tar")
	h.want(0, "pull", "-q", h.image)
	h.want(0, "tag", h.image, "loaded.test/a")
	h.want(0, "save", "-o", archive, "loaded.test/a")
	for _, point := range []string{"store/blob-part", "store/blob", "store/blob-named", "store/layer-part",
		"store/layer", "store/layer-named", "store/ref", "store/ref-named"} {
		h.want(0, "prune", "-a")
		h.env = []string{"MCTR_FAILPOINTS=" + point + "=kill"}
		if r := h.mctr("load", "-q", "-i", archive); r.code != -1 {
			t.Errorf("%s: nothing was killed: %+v", point, r)
		}
		h.env = nil
		h.want(0, "prune")
		if r := h.want(0, "load", "-q", "-i", archive); r.stdout != "Loaded image: loaded.test/a:latest\n" {
			t.Errorf("%s: %q", point, r.stdout)
		}
		if r := h.want(0, "run", "-q", "--rm", "--pull", "never", "loaded.test/a", "echo",
			"runs"); r.stdout != "runs\n" {
			t.Errorf("%s: %+v", point, r)
		}
	}
}

// TestLoadAndSaveOnFullDisks checks that full disks cause clear errors, and nothing is left.
func TestLoadAndSaveOnFullDisks(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	small := smallDisk(t, "256k")
	archive := filepath.Join(small, "a.tar")
	if err := os.WriteFile(archive, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.want(1, "save", "-o", archive, h.image); !strings.Contains(r.stderr, "no space left") {
		t.Errorf("save: %s", r.stderr)
	}
	if data, err := os.ReadFile(archive); string(data) != "before" || len(entries(small)) != 1 {
		t.Errorf("after a save that failed: %.10q, %v, %q", data, err, entries(small))
	}
	whole := filepath.Join(t.TempDir(), "a.tar")
	h.want(0, "save", "-o", whole, h.image)
	stream, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{"file", "stdin"} {
		other := &host{t: t, root: filepath.Join(small, by), state: h.state}
		cmd := other.command("load", "-q", "-i", whole)
		if by == "stdin" {
			cmd = other.command("load", "-q")
			cmd.Stdin = bytes.NewReader(stream)
		}
		if r := other.finish(cmd); r.code != 1 || !strings.Contains(r.stderr, "no space left") {
			t.Errorf("load by %s: %+v", by, r)
		}
		for _, dir := range []string{"blobs/sha256", "layers", "refs", "tmp"} {
			if list := entries(filepath.Join(other.root, "images", dir)); len(list) > 0 {
				t.Errorf("load by %s left %q", by, list)
			}
		}
	}
}

// TestArchivesAreOthersToo checks that podman and skopeo can read the archives of save, and that load
// can read theirs. An image survives the way through an oci-archive unchanged.
func TestArchivesAreOthersToo(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	h.image = imagetest.BusyboxOf(t, dir, imagetest.Spec{Compress: "gzip"}) // skopeo compresses uncompressed layers
	at := func(name string) string { return filepath.Join(dir, name) }
	h.want(0, "pull", "-q", h.image)
	h.want(0, "tag", h.image, "first.test/a:1")
	h.want(0, "tag", h.image, "second.test/b:2")
	digest := h.want(0, "image", "inspect", "-f", "{{index .RepoDigests 0}}", "first.test/a:1").stdout
	_, digest, _ = strings.Cut(strings.TrimSpace(digest), "@")
	id := strings.TrimSpace(h.want(0, "image", "inspect", "-f", "{{.Id}}", "first.test/a:1").stdout)
	h.want(0, "save", "-o", at("docker.tar"), "first.test/a:1", "second.test/b:2")
	h.want(0, "save", "--format", "oci-archive", "-o", at("oci.tar"), "first.test/a:1")

	short, err := os.MkdirTemp("/tmp", "run") // podman allows at most 50 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	podman := []string{"podman", "--root", at("podman"), "--runroot", short, "--storage-driver", "vfs"}
	run := func(argv ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, out)
		}
		return string(out)
	}
	pod := func(args ...string) string {
		t.Helper()
		return run(append(podman[:len(podman):len(podman)], args...)...)
	}
	if out := pod("load", "-i", at("docker.tar")); !strings.Contains(out, "first.test/a:1") ||
		!strings.Contains(out, "second.test/b:2") {
		t.Errorf("podman loaded %s", out)
	}
	if out := pod("inspect", "-f", "{{.Id}}", "second.test/b:2"); "sha256:"+strings.TrimSpace(out) != id {
		t.Errorf("podman's image is %s, not %s", out, id)
	}
	pod("rmi", "-a", "-f")
	pod("load", "-i", at("oci.tar"))
	if out := run("skopeo", "inspect", "-f", "{{.Digest}}",
		"oci-archive:"+at("oci.tar")+":first.test/a:1"); strings.TrimSpace(out) != digest {
		t.Errorf("skopeo sees %s, not %s", out, digest)
	}
	run("skopeo", "inspect", "docker-archive:"+at("docker.tar")+":second.test/b:2")
	pod("save", "-q", "-o", at("podman-docker.tar"), "first.test/a:1")
	pod("save", "-q", "--format", "oci-archive", "-o", at("podman-oci.tar"), "first.test/a:1")
	run("skopeo", "copy", "-q", "oci-archive:"+at("oci.tar"), "oci-archive:"+at("skopeo.tar")+":first.test/a:1")

	for _, archive := range []string{"docker.tar", "oci.tar", "podman-docker.tar", "podman-oci.tar", "skopeo.tar"} {
		h.want(0, "prune", "-a")
		if r := h.want(0, "load", "-q", "-i", at(archive)); !strings.Contains(r.stdout,
			"Loaded image: first.test/a:1\n") {
			t.Errorf("%s: %q", archive, r.stdout)
		}
		if r := h.want(0, "run", "-q", "--rm", "first.test/a:1", "echo", "runs"); r.stdout != "runs\n" {
			t.Errorf("%s: %+v", archive, r)
		}
		got := h.want(0, "image", "inspect", "-f", "{{index .RepoDigests 0}}", "first.test/a:1").stdout
		if same := strings.Contains(got, digest); (archive == "oci.tar" || archive == "skopeo.tar") && !same {
			t.Errorf("%s: the digest was %s, and is %s", archive, digest, got)
		}
	}
	h.want(0, "prune", "-a")
}

// TestNoArchiveOnTerminal checks that archives are neither written to nor read from a terminal.
func TestNoArchiveOnTerminal(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.want(0, "create", "--name", "box", h.image, "true")
	for _, args := range [][]string{{"save", h.image}, {"cp", "box:/etc", "-"}, {"load"}} {
		s := h.onScreen(args...)
		s.shows("terminal")
		s.ends(1)
	}
	h.want(0, "rm", "box")
}
