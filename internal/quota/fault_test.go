package quota

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/kernel"
)

// TestBadRecords: a record of a newer version and one that cannot be read are refused and stay as
// they are, and hide no other directory.
func TestBadRecords(t *testing.T) {
	f := newFixture(t, Loop)
	good := f.limited(t, "good", Limits{Bytes: size})
	dir := filepath.Join(f.store.Dir, "dir")
	must(t, os.Mkdir(dir, 0o755), os.WriteFile(dir+"/file", nil, 0o600))
	newer, err := json.Marshal(map[string]any{"schema": schema + 1, "dir": dir, "state": Ready, "means": Loop, "id": 7})
	must(t, err)
	const noDir = `{"schema":1}` // only a call for dir notices
	for text, want := range map[string]error{string(newer): mctr.ErrUnsupported, "{": nil, noDir: mctr.ErrInvalid} {
		path := f.store.path(dir, ".json")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		for _, verb := range []string{"make", "mount", "unmount", "change", "remove"} {
			err := job{Verb: verb, Dir: dir, Limits: Limits{Bytes: size}}.run(f.store)
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s with record %s: %v, want %v", verb, text, err, want)
			}
		}
		if _, err := f.store.Usage(t.Context(), dir); err == nil {
			t.Errorf("usage with record %s", text)
		}
		list, err := f.store.List(t.Context())
		if len(list) == 0 || list[len(list)-1].Dir != good || (err == nil) != (text == noDir) {
			t.Errorf("listed %+v, %v", list, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("the record is %s, %v", now, err)
		}
		if _, err := os.Stat(dir + "/file"); err != nil {
			t.Error(err)
		}
		must(t, os.Remove(path), os.Remove(f.store.path(dir, ".lock")))
	}
	if ids, err := f.store.recordedIDs(); err != nil || ids[7] {
		t.Errorf("%v, %v", ids, err)
	}
	must(t, os.WriteFile(f.store.path(dir, ".json"), newer, 0o600))
	if ids, err := f.store.recordedIDs(); err != nil || !ids[7] {
		t.Errorf("the id in a newer record is not taken: %v, %v", ids, err)
	}
	must(t, os.Remove(f.store.path(dir, ".json")))
}

// TestTruncated: an image that lost its end is not mounted, and not changed.
func TestTruncated(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: size})
	must(t, f.store.Unmount(t.Context(), dir), waitDetached(t.Context(), imageOf(dir)))
	must(t, os.Truncate(imageOf(dir), size/2))
	if err := f.store.Mount(t.Context(), dir); !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), "damaged") {
		t.Errorf("truncated: %v", err)
	}
	must(t, os.Truncate(imageOf(dir), 0), os.Truncate(imageOf(dir), size)) // all zero
	if err := f.store.Mount(t.Context(), dir); !errors.Is(err, mctr.ErrState) {
		t.Errorf("empty: %v", err)
	}
	if _, err := f.store.Usage(t.Context(), dir); err == nil || !strings.Contains(err.Error(), imageOf(dir)) {
		t.Errorf("usage: %v", err)
	}
}

// TestNotOurs: a file that has the image's name already is not overwritten.
func TestNotOurs(t *testing.T) {
	f := newFixture(t, Loop)
	dir := filepath.Join(f.store.Dir, "dir")
	must(t, os.WriteFile(imageOf(dir), []byte("precious"), 0o600))
	if err := f.store.Make(t.Context(), dir, "test", Limits{Bytes: size}); !errors.Is(err, mctr.ErrExists) {
		t.Error(err)
	}
	must(t, f.store.Remove(t.Context(), dir))
	if data, err := os.ReadFile(imageOf(dir)); err != nil || string(data) != "precious" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestFullDisk fills the disk below: a Make fails and leaves nothing, and the data of a directory
// that was mounted then can be read after the next Mount.
func TestFullDisk(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: 4 * size})
	write(t, dir+"/before", 1<<20)
	filler := filepath.Join(f.store.Dir, "filler")
	if _, err := fill(filler); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	fillRest(t, filler)
	if written, err := fill(dir + "/during"); err == nil || written > 3*size {
		t.Errorf("wrote %d to a full disk: %v", written, err)
	}
	other := filepath.Join(f.store.Dir, "other")
	if err := f.store.Make(t.Context(), other, "test", Limits{Bytes: size}); err == nil {
		t.Error("made a filesystem on a full disk")
	}
	must(t, f.store.Unmount(t.Context(), dir), os.Remove(filler))
	f.removed(t, other)
	must(t, f.store.Mount(t.Context(), dir))
	if info, err := os.Stat(dir + "/before"); err != nil || info.Size() != 1<<20 {
		t.Errorf("%v, %v", info, err)
	}
	write(t, dir+"/after", 1<<20)
	if err := f.store.Change(t.Context(), dir, Limits{Bytes: 4 * size}); !errors.Is(err, mctr.ErrState) {
		if !kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
			t.Errorf("changed while it is mounted: %v", err)
		}
	}
}

// fillRest uses up the space that is reserved for root too.
func fillRest(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	for data := make([]byte, 1<<20); len(data) > 0; {
		if _, err := f.Write(data); err != nil {
			data = data[:len(data)/2]
		}
	}
	_ = f.Sync()
}

// TestCancelled: a Make whose context ends while mkfs runs leaves nothing.
func TestCancelled(t *testing.T) {
	f := newFixture(t, Loop)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	dir := filepath.Join(f.store.Dir, "dir")
	r := &Record{Schema: schema, Dir: dir, Owner: "test", Means: Loop, Limits: Limits{Bytes: size}, State: Making}
	must(t, os.MkdirAll(f.store.Records, 0o700), os.Mkdir(dir, 0o700), makeImage(r))
	if err := makeFilesystem(ctx, r); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
	must(t, f.store.save(r))
	f.removed(t, dir)
}

// TestOtherNamespace: what is mounted in another mount namespace is in use, and mounted again it is
// the same filesystem on the same device.
func TestOtherNamespace(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: size})
	other := exec.Command("sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	must(t, other.Start())
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	waitExec(t, other.Process.Pid)
	before, err := attached(imageOf(dir))
	must(t, err, f.store.Unmount(t.Context(), dir))
	for verb, err := range map[string]error{
		"remove": f.store.Remove(t.Context(), dir),
		"change": f.store.Change(t.Context(), dir, Limits{Bytes: 2 * size}),
	} {
		if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "in use") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	r, err := f.store.load(dir)
	must(t, err)
	r.State = Changing // a call was killed
	must(t, f.store.save(r))
	if err := f.store.Mount(t.Context(), dir); !errors.Is(err, mctr.ErrState) {
		t.Errorf("resized while it is in use: %v", err)
	}
	r.State = Ready
	must(t, f.store.save(r), f.store.Mount(t.Context(), dir))
	if after, err := attached(imageOf(dir)); err != nil || after != before || after == "" {
		t.Errorf("device %s after %s, %v", after, before, err)
	}
	write(t, dir+"/file", 10)
	if _, err := os.Stat("/proc/" + strconv.Itoa(other.Process.Pid) + "/root" + dir + "/file"); err != nil {
		t.Error("another filesystem: ", err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
}

// TestSameNames: directories of the same name have filesystems of their own.
func TestSameNames(t *testing.T) {
	f := newFixture(t, Loop)
	devices := map[string]bool{}
	for _, parent := range []string{"a", "b"} {
		must(t, os.Mkdir(filepath.Join(f.store.Dir, parent), 0o755))
		dir := f.limited(t, parent+"/rw", Limits{Bytes: size})
		write(t, dir+"/of-"+parent, 10)
		device, err := attached(imageOf(dir))
		must(t, err)
		devices[device] = true
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
	if len(devices) != 2 {
		t.Errorf("devices %v", devices)
	}
}

// TestBusy: a filesystem with an open file is not unmounted.
func TestBusy(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: size})
	open, err := os.Create(dir + "/file")
	must(t, err)
	defer open.Close()
	for verb, err := range map[string]error{
		"unmount": f.store.Unmount(t.Context(), dir), "remove": f.store.Remove(t.Context(), dir),
	} {
		if !errors.Is(err, mctr.ErrState) || !errors.Is(err, unix.EBUSY) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if r, err := f.store.load(dir); err != nil || r.State != Ready {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, open.Close())
}

// TestOnline grows a mounted filesystem, if the kernel lets this process.
func TestOnline(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: size})
	write(t, dir+"/file", 1<<20)
	err := f.store.Change(t.Context(), dir, Limits{Bytes: 3 * size})
	if !kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
		if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "CAP_SYS_RESOURCE") {
			t.Errorf("without the capability: %v", err)
		}
		return
	}
	must(t, err)
	if total := totalOf(t, dir); total < 2*size || total > 3*size {
		t.Errorf("df shows %d", total)
	}
	if err := f.store.Change(t.Context(), dir, Limits{Bytes: size}); !errors.Is(err, mctr.ErrState) {
		t.Errorf("shrunk while it is mounted: %v", err)
	}
	written, err := fill(dir + "/rest")
	if !errors.Is(err, unix.ENOSPC) || written < size || written > 3*size {
		t.Errorf("wrote %d, %v", written, err)
	}
	must(t, f.store.Unmount(t.Context(), dir), f.store.Mount(t.Context(), dir))
}

// TestSparse: an image is no larger on disk than what is written to it, and gives back what is
// deleted.
func TestSparse(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: 20 * size})
	if used := allocated(t, imageOf(dir)); used > size/2 {
		t.Errorf("an empty image has %d bytes", used)
	}
	write(t, dir+"/file", 5*size)
	full := allocated(t, imageOf(dir))
	must(t, os.Remove(dir+"/file"), f.store.Unmount(t.Context(), dir), waitDetached(t.Context(), imageOf(dir)))
	if used := allocated(t, imageOf(dir)); full < 5*size || used > full-4*size {
		t.Errorf("%d bytes, and %d after the file was deleted", full, used)
	}
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return st.Blocks * 512
}

// TestNestedSubvolumes: a container on btrfs may have made subvolumes, which Remove removes.
func TestNestedSubvolumes(t *testing.T) {
	f := newFixture(t, Btrfs)
	dir := f.limited(t, "dir", Limits{Bytes: size})
	root, err := os.Open(dir)
	must(t, err)
	defer root.Close()
	must(t, subvolumeIoctl(root, subvolCreate, "nested"), os.WriteFile(dir+"/nested/file", nil, 0o600))
	r, err := f.store.load(dir)
	must(t, err)
	qgroup, err := qgroupsDir(root)
	must(t, err, root.Close())
	qgroup += "/0_" + strconv.Itoa(int(r.Subvolume))
	if _, err := os.Stat(qgroup); err != nil {
		t.Error(err)
	}
	f.removed(t, dir)
	for n := 0; ; n++ { // the kernel removes the data in the background
		command(t, "btrfs", "filesystem", "sync", f.store.Dir)
		if _, err := os.Stat(qgroup); errors.Is(err, os.ErrNotExist) {
			break
		}
		if n == 1000 {
			t.Fatal(qgroup, " is left")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestQuotasOff: without permission to enable quotas, a btrfs uses loop.
func TestQuotasOff(t *testing.T) {
	f := newFixture(t, Btrfs)
	f.store.EnableQuota = false
	if got, err := f.store.Means(t.Context()); err != nil || got != Loop {
		t.Errorf("%s, %v", got, err)
	}
	f.store.Config.Means = Btrfs
	if got, err := f.store.Means(t.Context()); !errors.Is(err, mctr.ErrUnsupported) ||
		!strings.Contains(err.Error(), "btrfs quota enable") {
		t.Errorf("%s, %v", got, err)
	}
	f.store.Config.Means, f.means, f.full, f.df = Loop, Loop, unix.ENOSPC, true
	testBytes(t, f)
}

// testHeldOpen: the id of deleted files stays taken as long as a process has one open.
func testHeldOpen(t *testing.T, f *fixture) {
	dir := f.limited(t, "held", Limits{Bytes: size})
	write(t, dir+"/file", 1<<20)
	held, err := os.Open(dir + "/file")
	must(t, err)
	defer held.Close()
	r, err := f.store.load(dir)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // else it waits longer for the kernel
	defer cancel()
	if err := f.store.Remove(ctx, dir); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "open") {
		t.Error(err)
	}
	other := f.limited(t, "other", Limits{Bytes: size})
	if next, err := f.store.load(other); err != nil || next.ID == r.ID {
		t.Errorf("%+v has an id that is in use, %v", next, err)
	}
	must(t, held.Close())
}

// testPrivileged: which limits bind a process with CAP_SYS_RESOURCE, and what the owner of a file
// may do, is as the package's comment says.
func testPrivileged(t *testing.T, f *fixture) {
	dir := f.limited(t, "privileged", Limits{Bytes: 1 << 20})
	data := make([]byte, 4<<20)
	if !kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
		t.Fatal("want CAP_SYS_RESOURCE")
	}
	if err := os.WriteFile(dir+"/file", data, 0o600); (err == nil) != (f.means == Ext4) {
		t.Errorf("written by root: %v", err)
	}
	must(t, os.Remove(dir+"/file"))
	file, err := os.Create(dir + "/own")
	must(t, err, os.Chown(file.Name(), 1000, 1000))
	defer file.Close()
	attr, err := getXAttr(file)
	if err != nil || attr.project == 0 {
		t.Fatal("not in the project: ", err)
	}
	attr.project = 0
	err = unprivileged(func() error {
		if _, err := unix.SetfsuidRetUid(1000); err != nil { // which clears the capabilities for files too
			return err
		}
		return ioctl(file, uint(f.means.Escapes()[0]), unsafe.Pointer(&attr))
	})
	if err != nil {
		t.Errorf("the owner of a file: %v", err)
	}
	root, err := os.Open(dir)
	must(t, err)
	defer root.Close()
	var q dqblk
	r, err := f.store.load(dir)
	must(t, err, quotactlDevice(root, getQuota, r.ID, unsafe.Pointer(&q))) // as before Linux 5.14
	if q.blockHard != 1024 {
		t.Errorf("quotactl(2) shows %+v", q)
	}
}

// TestLockOutlives: a program that outlives its killed parent holds the lock.
func TestLockOutlives(t *testing.T) {
	dir := t.TempDir()
	parent := job{Verb: "hold", Dir: dir}.command(t, "")
	must(t, parent.Start())
	var child int
	for child == 0 {
		text, _ := os.ReadFile(dir + "/pid")
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		time.Sleep(time.Millisecond)
	}
	must(t, parent.Process.Kill())
	_ = parent.Wait()
	if _, err := flock.TryExclusive(dir + "/lock"); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("%v, want that the program holds the lock", err)
	}
	must(t, unix.Kill(child, unix.SIGKILL))
	lock, err := flock.AfterDead(t.Context(), dir+"/lock")
	must(t, err)
	lock.Unlock()
}

// TestFullGrows: a filesystem without a free block or inode can grow, and then holds more.
func TestFullGrows(t *testing.T) {
	f := newFixture(t, Loop)
	dir := f.limited(t, "dir", Limits{Bytes: size, Inodes: 64})
	if _, err := fill(dir + "/filler"); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	var err error
	for n := 0; err == nil; n++ {
		err = os.WriteFile(filepath.Join(dir, strings.Repeat("f", n+1)), nil, 0o600)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	must(t, f.store.Unmount(t.Context(), dir), waitDetached(t.Context(), imageOf(dir)))
	must(t, f.store.Change(t.Context(), dir, Limits{Bytes: 4 * size, Inodes: 64}), f.store.Mount(t.Context(), dir))
	must(t, os.Remove(dir+"/f"), os.WriteFile(dir+"/more", make([]byte, size), 0o600))
}
