package lifecycle_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/loopdriver"
)

// size sets the size of a request.
func size(bytes int64) func(*csi.Request) {
	return func(r *csi.Request) { r.Size = csi.Size{Required: bytes} }
}

// TestExpand makes a volume larger that is not in use; the node does its part with the next use. It is
// never made smaller. The loop plugin expands offline only, without CAP_SYS_RESOURCE.
func TestExpand(t *testing.T) {
	for _, args := range [][]string{nil, {"-without=stage"}} {
		h := newHost(t, args...)
		h.must(csi.VerbCreate)
		h.must(csi.VerbPublish, in("one"))
		online := slices.Contains(h.must(csi.VerbProbe).Info.Features, "plugin.VOLUME_EXPANSION_ONLINE")
		if !online {
			h.fails(csi.KindInUse, csi.VerbExpand, []string{"container one"}, size(48<<20))
		}
		h.must(csi.VerbUnpublish, in("one"))
		h.p.Calls()
		if r := h.must(csi.VerbExpand, size(48<<20)).Record; r.Bytes != 48<<20 || r.Expansion == nil {
			t.Errorf("%+v", r)
		}
		h.order("ControllerExpandVolume")
		h.fails(csi.KindRange, csi.VerbExpand, []string{"smaller"}, size(16<<20))
		h.must(csi.VerbPublish, in("two"))
		if calls := h.p.Order(); !slices.Contains(calls, "NodeExpandVolume") || h.record(data()).Expansion != nil {
			t.Errorf("%q, %+v", calls, h.record(data()).Expansion)
		}
		usage := h.must(csi.VerbStats, in("two")).Usage
		if len(usage) != 2 || usage[0].Unit != "bytes" || usage[0].Total < 40<<20 {
			t.Errorf("%+v", usage)
		}
		h.fails(csi.KindState, csi.VerbStats, nil, in("one"))
		h.must(csi.VerbUnpublish, in("two"))
	}
	h := newHost(t, "-without=expand")
	h.must(csi.VerbCreate)
	h.fails(csi.KindUnsupported, csi.VerbExpand, []string{"EXPAND_VOLUME"}, size(48<<20))
}

// TestSnapshotAndClone restores a snapshot, which is waited for until it is ready, and clones a volume.
func TestSnapshotAndClone(t *testing.T) {
	h := newHost(t, "-cutting=2")
	id := h.must(csi.VerbCreate).Record.ID
	h.write(h.must(csi.VerbPublish, in("one")), "before")
	h.p.Calls()
	cut := func(r *csi.Request) { r.Snapshot = &csi.Snapshot{Name: "s", VolumeIDs: []string{id}} }
	s := h.must(csi.VerbSnapshot, cut).Snapshot
	h.order("CreateSnapshot CreateSnapshot CreateSnapshot")
	if !s.Ready || len(s.Cut) != 1 || s.Cut[0].Bytes == 0 {
		t.Errorf("%+v", s)
	}
	h.must(csi.VerbSnapshot, cut)
	h.order("")
	h.must(csi.VerbUnpublish, in("one"))
	for name, source := range map[string]csi.Source{"restored": {SnapshotID: s.ID}, "cloned": {VolumeID: id}} {
		v := csi.Volume{Name: name, Source: &source}
		h.must(csi.VerbCreate, of(v))
		h.read(h.must(csi.VerbPublish, of(v), in("two")), "before")
		h.must(csi.VerbUnpublish, of(v), in("two"))
	}
	h.fails(csi.KindIncompatible, csi.VerbSnapshot, nil,
		func(r *csi.Request) { r.Snapshot = &csi.Snapshot{Name: "s", VolumeIDs: []string{"another"}} })
	if list := h.must(csi.VerbSnapshots).Snapshots; len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("%+v", list)
	}
	h.must(csi.VerbDeleteSnapshot, cut)
	h.must(csi.VerbDeleteSnapshot, cut)
	group := func(r *csi.Request) {
		r.Snapshot = &csi.Snapshot{Name: "g", Group: true, VolumeIDs: []string{id, "v2"}}
	}
	h.fails(csi.KindUnsupported, csi.VerbSnapshot, []string{"GROUP_SNAPSHOT"}, group)
	h.clean(3)
}

// TestSnapshotNotReady: the time is over before the snapshot is ready; the same request waits again.
func TestSnapshotNotReady(t *testing.T) {
	h := newHost(t, "-cutting=6")
	id := h.must(csi.VerbCreate).Record.ID
	cut := func(r *csi.Request) { r.Snapshot = &csi.Snapshot{Name: "s", VolumeIDs: []string{id}} }
	h.fails(csi.KindPending, csi.VerbSnapshot, []string{"not ready"}, cut, soon)
	h.must(csi.VerbSnapshot, cut)
	if list := h.must(csi.VerbSnapshots).Snapshots; len(list) != 1 {
		t.Errorf("%+v", list)
	}
	h.must(csi.VerbDeleteSnapshot, cut)
}

// TestHealth collects what all calls say, also from a plugin before CSI 1.13.
func TestHealth(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "DEGRADED/NodeGetVolumeHealth " +
			"DEGRADED/ControllerGetVolumeHealth STORAGE_UNREACHABLE/NodeGetStorageHealth"},
		{"-without=health -old-condition", "ABNORMAL/NodeGetVolumeStats"},
	} {
		h := newHost(t, strings.Fields(c.args)...)
		h.must(csi.VerbCreate)
		h.must(csi.VerbPublish, in("one"))
		if health := h.must(csi.VerbHealth, in("one")).Health; len(health) > 0 {
			t.Errorf("a healthy volume has %v", health)
		}
		h.p.Ail(map[string][]loopdriver.Ailment{"": {{Status: 2, Reason: "Gone"}},
			h.record(data()).ID: {{Status: 1, Reason: "Slow", Message: "a disk is slow"}}})
		var got []string
		for _, condition := range h.must(csi.VerbHealth, in("one")).Health {
			got = append(got, condition.Status+"/"+condition.From)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		h.must(csi.VerbUnpublish, in("one"))
	}
	h := newHost(t, "-without=health,stats")
	h.must(csi.VerbCreate)
	h.fails(csi.KindUnsupported, csi.VerbHealth, nil)
}

// TestTopology refuses a volume that is not accessible from the node.
func TestTopology(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	info := h.must(csi.VerbProbe).Info
	if info.Node != "node-1" || len(info.Segments) != 1 || !info.Ready {
		t.Errorf("%+v", info)
	}
	h.edit(data(), func(r *csi.Record) { r.Reachable = []csi.Segments{{"zone": "elsewhere"}} })
	h.fails(csi.KindState, csi.VerbPublish, []string{"not accessible", "node-1"}, in("one"))
	h.clean(1)
	if capacity := h.must(csi.VerbCapacity).Capacity; capacity.Available == 0 {
		t.Errorf("%+v", capacity)
	}
}

// TestMountGroup gives the volume to a group, if the plugin can; without the plugin nothing does.
func TestMountGroup(t *testing.T) {
	grouped := csi.Volume{Name: "data", MountGroup: "1234"}
	h := newHost(t)
	h.must(csi.VerbCreate, of(grouped))
	info, err := os.Stat(h.must(csi.VerbPublish, in("one")).Target)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Gid != 1234 || info.Mode()&os.ModeSetgid == 0 {
		t.Errorf("group %+v, mode %v", st, info.Mode())
	}
	h.must(csi.VerbUnpublish, in("one"))
	h = newHost(t, "-without=group")
	h.fails(csi.KindUnsupported, csi.VerbCreate, []string{"VOLUME_MOUNT_GROUP"}, of(grouped))
	h.clean(0)
}

// TestAttachLimit: the volume that is one too many for the node is named, with the node, and is free again.
func TestAttachLimit(t *testing.T) {
	h := newHost(t, "-max-volumes=1")
	other := csi.Volume{Name: "other"}
	h.must(csi.VerbCreate)
	h.must(csi.VerbCreate, of(other))
	if info := h.must(csi.VerbProbe).Info; info.MaxVolumes != 1 {
		t.Errorf("%+v", info)
	}
	h.must(csi.VerbPublish, in("one"))
	h.fails(csi.KindExhausted, csi.VerbPublish, []string{`"other"`, "node-1", "ControllerPublishVolume"}, of(other),
		in("two"))
	if h.record(&other).InUse() {
		t.Errorf("%+v", h.record(&other))
	}
	h.must(csi.VerbUnpublish, in("one"))
	h.must(csi.VerbPublish, of(other), in("two"))
	h.must(csi.VerbUnpublish, of(other), in("two"))
	h.clean(2)
}

// TestStarting: a plugin that initializes is not ready, and that is not an error.
func TestStarting(t *testing.T) {
	h := newHost(t, "-starting=1")
	for _, ready := range []bool{false, true} {
		if info := h.must(csi.VerbProbe).Info; info.Ready != ready {
			t.Errorf("%+v, want ready %t", info, ready)
		}
	}
}

// TestSecretNames: the names of a volume's secrets stay, whatever reads the volume.
func TestSecretNames(t *testing.T) {
	h := newHost(t)
	names := csi.SecretRefs{"NodeStageVolume": "vault/one"}
	h.must(csi.VerbCreate, of(csi.Volume{Name: "data", SecretNames: names}))
	h.must(csi.VerbPublish, in("one"))
	h.must(csi.VerbStats, in("one"))
	h.must(csi.VerbUnpublish, in("one"))
	if got := h.record(data()).Volume.SecretNames; !maps.Equal(got, names) {
		t.Errorf("%v", got)
	}
	names = csi.SecretRefs{"NodeStageVolume": "vault/two"}
	h.must(csi.VerbPublish, in("one"), of(csi.Volume{Name: "data", SecretNames: names}))
	if got := h.record(data()).Volume.SecretNames; !maps.Equal(got, names) {
		t.Errorf("%v", got)
	}
	h.must(csi.VerbUnpublish, in("one"))
}

// TestOwners: two owners have volumes of one name, which are two volumes at two paths.
func TestOwners(t *testing.T) {
	h := newHost(t)
	mine, theirs := csi.Volume{Name: "data", Owner: "me"}, csi.Volume{Name: "data", Owner: "them"}
	var targets []string
	for _, v := range []csi.Volume{mine, theirs} {
		h.must(csi.VerbCreate, of(v))
		targets = append(targets, h.must(csi.VerbPublish, of(v), in("one")).Target)
	}
	if targets[0] == targets[1] || h.record(&mine).Staging.Path == h.record(&theirs).Staging.Path {
		t.Errorf("they are at %q", targets)
	}
	h.must(csi.VerbRecover, func(r *csi.Request) { r.Owner = "me" })
	if len(h.record(&theirs).References) != 1 || len(h.record(&mine).References) != 0 {
		t.Error("a recover for one owner is about the other too")
	}
	h.must(csi.VerbUnpublish, of(theirs), in("one"))
	h.clean(2)
}

// TestTargetIsKept: an unpublish uses the path of the publish, whatever this build would choose.
func TestTargetIsKept(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	answer := h.must(csi.VerbPublish, in("one"))
	earlier := filepath.Join(h.root, "where-an-earlier-build-published")
	if err := errors.Join(unix.Unmount(answer.Target, 0), os.Rename(answer.Target, earlier),
		unix.Mount(h.record(data()).Staging.Path, earlier, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	h.edit(data(), func(r *csi.Record) { r.References["one"].Target = earlier })
	h.p.Calls()
	h.must(csi.VerbUnpublish, in("one"))
	if calls := h.p.Calls(); len(calls) == 0 || calls[0].RPC != "NodeUnpublishVolume" || calls[0].Path != earlier {
		t.Errorf("%+v", calls)
	}
	h.clean(1)
}

// TestNewerRecord: a record that a newer version wrote is refused and left as it is.
func TestNewerRecord(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	path := filepath.Join(h.root, "csi/volumes", key(data())+".json")
	newer := []byte(`{"version":2,"volume":{"plugin":"x","name":"data"}}`)
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{csi.VerbPublish, csi.VerbUnpublish, csi.VerbDelete} {
		h.fails(csi.KindUnsupported, verb, []string{"version 2"}, in("one"))
	}
	if queued := h.must(csi.VerbRecover).Recovered.Queued; len(queued) != 1 {
		t.Errorf("%v", queued)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, newer) {
		t.Errorf("%s, %v", got, err)
	}
}

// TestBadRequests are refused without a word of what they have, which may be a secret.
func TestBadRequests(t *testing.T) {
	h := newHost(t)
	h.fails(csi.KindInvalid, "dance", []string{"dance"})
	h.fails(csi.KindInvalid, csi.VerbPublish, nil, in("../x"))
	h.fails(csi.KindNotFound, csi.VerbPublish, []string{"no record"}, in("one"))
	h.must(csi.VerbUnpublish, in("one"))
	for input, kind := range map[string]string{`{"verb":"probe","secrets":{"a":"c4n4ry"}}`: "invalid",
		`{"c4n4ry`: "invalid", `{"verb":"probe","lazily":"c4n4ry"}`: "unsupported"} {
		cmd := exec.Command(program)
		cmd.Stdin, cmd.Env = strings.NewReader(input), []string{}
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "c4n4ry") || !strings.Contains(string(out), `"kind":"`+kind) {
			t.Errorf("%s: %s, %v", input, out, err)
		}
	}
}

// TestCosts counts what a publish and an unpublish cost with a plugin that only binds: two fsyncs, and
// one process.
func TestCosts(t *testing.T) {
	h := newHost(t, "-bind")
	h.must(csi.VerbCreate)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{csi.VerbPublish, csi.VerbUnpublish} {
		input, err := json.Marshal(h.request(verb, in("one")))
		if err != nil {
			t.Fatal(err)
		}
		trace := filepath.Join(t.TempDir(), "trace")
		cmd := exec.Command("strace", "-f", "-qq", "-o", trace, "-e", "trace=fsync,fdatasync,syncfs,sync,execve",
			self)
		cmd.Stdin, cmd.Env = bytes.NewReader(input), []string{}
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "error") {
			t.Fatalf("%s: %s, %v", verb, out, err)
		}
		f, err := os.Open(trace)
		if err != nil {
			t.Fatal(err)
		}
		syncs, programs := 0, 0
		for lines := bufio.NewScanner(f); lines.Scan(); {
			switch {
			case strings.Contains(lines.Text(), "execve("):
				programs++
			case strings.Contains(lines.Text(), "sync("):
				syncs++
			}
		}
		_ = f.Close()
		if syncs > 2 || syncs == 0 || programs != 1 {
			t.Errorf("%s: %d fsyncs and %d programs", verb, syncs, programs)
		}
	}
	h.clean(1)
}
