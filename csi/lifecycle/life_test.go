package lifecycle_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/loopdriver"
)

// shared is a volume for several containers of the node.
var shared = csi.Volume{Name: "data", AccessMode: csi.SingleNodeMultiWriter}

// TestLife leads a volume to two containers and back, by plugins with all, some and none of the optional
// calls, and wants exactly the calls that the specification demands. The data survive.
func TestLife(t *testing.T) {
	for name, c := range map[string]struct{ args, first, last string }{
		"full": {"", "ControllerPublishVolume NodeStageVolume NodePublishVolume",
			"NodeUnpublishVolume NodeUnstageVolume ControllerUnpublishVolume"},
		"no attach": {"-without=attach", "NodeStageVolume NodePublishVolume", "NodeUnpublishVolume NodeUnstageVolume"},
		"no stage": {"-without=stage", "ControllerPublishVolume NodePublishVolume",
			"NodeUnpublishVolume ControllerUnpublishVolume"},
		"bind": {"-bind", "NodePublishVolume", "NodeUnpublishVolume"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, strings.Fields(c.args)...)
			h.must(csi.VerbCreate, of(shared))
			h.order("CreateVolume")
			h.write(h.must(csi.VerbPublish, in("one")), "survives")
			h.order(c.first)
			two := h.must(csi.VerbPublish, in("two"))
			h.order("NodePublishVolume")
			h.read(two, "survives")
			if again := h.must(csi.VerbPublish, in("two")); again.Target != two.Target {
				t.Errorf("again it is at %s", again.Target)
			}
			h.order("") // it is there
			h.must(csi.VerbUnpublish, in("one"))
			h.order("NodeUnpublishVolume")
			h.must(csi.VerbUnpublish, in("one"))
			h.must(csi.VerbUnpublish, in("nosuch"))
			h.order("")
			h.fails(csi.KindInUse, csi.VerbDelete, []string{"container two"})
			h.must(csi.VerbUnpublish, in("two"))
			h.order(c.last)
			h.clean(1)
			h.read(h.must(csi.VerbPublish, in("three")), "survives")
			h.must(csi.VerbUnpublish, in("three"))
			h.must(csi.VerbDelete)
			h.must(csi.VerbDelete)
			h.clean(0)
		})
	}
}

// TestBlock publishes a block device to one container.
func TestBlock(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate, of(csi.Volume{Name: "data", AccessType: csi.Block}))
	answer := h.must(csi.VerbPublish, in("one"))
	info, err := os.Stat(answer.Target)
	if err != nil || answer.Device == nil || info.Mode()&os.ModeDevice == 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	h.must(csi.VerbUnpublish, in("one"))
	h.must(csi.VerbDelete)
	h.clean(0)
}

// TestBlockHollow: a plugin that leaves a directory where the device should be has failed.
func TestBlockHollow(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate, of(csi.Volume{Name: "data", AccessType: csi.Block}))
	h.p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Hollow: true}})
	h.fails(csi.KindPlugin, csi.VerbPublish, []string{"not a block device"}, in("one"))
	h.clean(1)
}

// TestSingleWriter: the second container is refused by an error that names volume, node and holder.
func TestSingleWriter(t *testing.T) {
	for _, args := range [][]string{nil, {"-without=multi-writer"}} {
		h := newHost(t, args...)
		h.must(csi.VerbCreate)
		h.must(csi.VerbPublish, in("one"))
		h.p.Calls()
		e := h.fails(csi.KindInUse, csi.VerbPublish, []string{`"data"`, "node-1", "container one"}, in("two"))
		if e.Holder != "one" || e.Node != "node-1" {
			t.Errorf("%+v", e)
		}
		h.order("")
		want := map[int]csi.AccessMode{0: csi.SingleNodeSingleWriter, 1: csi.SingleNodeWriter}[len(args)]
		if sent := h.record(data()).SentMode; sent != want {
			t.Errorf("sent mode %s, want %s", sent, want)
		}
		h.must(csi.VerbUnpublish, in("one"))
	}
	h := newHost(t, "-without=multi-writer")
	h.fails(csi.KindUnsupported, csi.VerbCreate, []string{"SINGLE_NODE_MULTI_WRITER"}, of(shared))
	h.clean(0)
}

// TestReadonly: a volume of readers is refused to a writer, and one writer of MULTI_NODE_SINGLE_WRITER
// has readers beside it.
func TestReadonly(t *testing.T) {
	h := newHost(t)
	readonly := func(r *csi.Request) { r.Readonly = true }
	h.must(csi.VerbCreate, of(csi.Volume{Name: "data", AccessMode: csi.MultiNodeReaderOnly}))
	h.fails(csi.KindInvalid, csi.VerbPublish, []string{"read-only"}, in("one"))
	one := h.must(csi.VerbPublish, in("one"), readonly)
	h.must(csi.VerbPublish, in("two"), readonly)
	if err := os.WriteFile(filepath.Join(one.Target, "file"), nil, 0o600); err == nil {
		t.Error("a read-only volume can be written")
	}
	other := csi.Volume{Name: "other", AccessMode: csi.MultiNodeSingleWriter}
	h.must(csi.VerbCreate, of(other))
	h.must(csi.VerbPublish, of(other), in("writer"))
	h.must(csi.VerbPublish, of(other), in("reader"), readonly)
	h.fails(csi.KindInUse, csi.VerbPublish, []string{"writer"}, of(other), in("second"))
	// The flag is part of the publication, and the container may be running.
	h.fails(csi.KindIncompatible, csi.VerbPublish, []string{"unpublish it first"}, of(other), in("writer"), readonly)
	h.recoverAll()
}

// recoverAll releases everything.
func (h *host) recoverAll() *csi.Recovered {
	h.t.Helper()
	out := h.must(csi.VerbRecover).Recovered
	if len(out.Queued) > 0 {
		h.t.Errorf("queued: %v", out.Queued)
	}
	return out
}

// TestLostReferences: mountinfo has what the record lacks, so that the first container's end does not
// unstage the volume under the second.
func TestLostReferences(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate, of(shared))
	h.must(csi.VerbPublish, in("one"))
	two := h.must(csi.VerbPublish, in("two"))
	h.edit(data(), func(r *csi.Record) { delete(r.References, "two"); r.Staging = nil })
	h.p.Calls()
	h.must(csi.VerbUnpublish, in("one"))
	h.order("NodeUnpublishVolume")
	h.write(two, "it is there")
	if r := h.record(data()); r.References["two"] == nil || !r.References["two"].Found {
		t.Errorf("references: %v", r.References)
	}
	h.must(csi.VerbUnpublish, in("two"))
	h.clean(1)
}

// TestLostRecord: a volume whose record is lost is not taken for unpublished while its mount exists. Its
// id, and mountinfo, are enough to release it.
func TestLostRecord(t *testing.T) {
	h := newHost(t)
	id := h.must(csi.VerbCreate).Record.ID
	h.must(csi.VerbPublish, in("one"))
	if err := os.Remove(filepath.Join(h.root, "csi/volumes", key(data())+".json")); err != nil {
		t.Fatal(err)
	}
	h.fails(csi.KindState, csi.VerbUnpublish, []string{"without a record", "one"}, in("one"))
	h.must(csi.VerbUnpublish, in("another"))
	if queued := h.must(csi.VerbRecover).Recovered.Queued; len(queued) != 1 {
		t.Errorf("%v", queued)
	}
	given := csi.Volume{Name: "data", ID: id, Context: map[string]string{"image": id}}
	h.p.Calls()
	h.must(csi.VerbUnpublish, in("one"), of(given))
	h.order("NodeUnpublishVolume NodeUnstageVolume ControllerUnpublishVolume")
	h.clean(1)
}

// TestReboot: staging and publications ended with the boot, the attachment lives on.
func TestReboot(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	answer := h.must(csi.VerbPublish, in("one"))
	r := h.record(data())
	for _, path := range []string{answer.Target, r.Staging.Path} {
		if err := unix.Unmount(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	h.edit(data(), func(r *csi.Record) { r.Boot = "an earlier one" })
	h.p.Calls()
	h.must(csi.VerbPublish, in("two")) // one does not hold it any more
	h.order("NodeStageVolume NodePublishVolume")
	if _, err := os.Stat(answer.Target); err == nil {
		t.Error("the target of the earlier boot is left")
	}
	h.must(csi.VerbUnpublish, in("two"))
	h.clean(1)
}

// TestRecover releases what no live container uses, finishes a deletion, and leaves the rest alone.
func TestRecover(t *testing.T) {
	h := newHost(t)
	live, dead, deleted := csi.Volume{Name: "live", AccessMode: csi.SingleNodeMultiWriter}, csi.Volume{Name: "dead"},
		csi.Volume{Name: "deleted"}
	for _, v := range []csi.Volume{live, dead, deleted} {
		h.must(csi.VerbCreate, of(v))
	}
	for _, id := range []mctr.ContainerID{"a", "b"} {
		h.must(csi.VerbPublish, of(live), in(id))
	}
	h.must(csi.VerbPublish, of(dead), in("c"))
	h.edit(&deleted, func(r *csi.Record) { r.Creation = csi.Undoing })
	h.p.Calls()
	out := h.must(csi.VerbRecover, func(r *csi.Request) { r.Live = []mctr.ContainerID{"a"} }).Recovered
	if len(out.Queued) > 0 || len(out.Released) != 3 {
		t.Errorf("%+v", out)
	}
	if holders := h.record(&live).Holders(); !slices.Equal(holders, []mctr.ContainerID{"a"}) {
		t.Errorf("live is held by %v", holders)
	}
	if h.record(&deleted) != nil {
		t.Error("the deletion is not finished")
	}
	// A plugin that is down fails no live container, and what is to be released is queued.
	h.must(csi.VerbPublish, of(dead), in("c"))
	h.p.Kill()
	out = h.must(csi.VerbRecover, func(r *csi.Request) {
		r.Live, r.Timeout = []mctr.ContainerID{"a"}, csi.Duration(1e9)
	}).Recovered
	if len(out.Queued) != 1 || len(out.Released) != 0 {
		t.Errorf("with the plugin down: %+v", out)
	}
	h.p.Start()
	h.recoverAll()
	h.clean(2)
}

// TestPreProvisioned validates a volume that was made before, and never deletes it.
func TestPreProvisioned(t *testing.T) {
	h := newHost(t)
	id := h.must(csi.VerbCreate).Record.ID
	h.edit(data(), func(r *csi.Record) { r.Provisioned = false }) // as if another node had made it
	h.must(csi.VerbDelete)
	given := csi.Volume{Name: "given", ID: id, Context: map[string]string{"image": id}}
	h.p.Calls()
	h.fails(csi.KindNotFound, csi.VerbValidate, nil, of(csi.Volume{Name: "wrong", ID: "nosuch"}))
	h.must(csi.VerbValidate, of(given))
	h.order("ValidateVolumeCapabilities_NotFound ValidateVolumeCapabilities")
	h.fails(csi.KindInUse, csi.VerbValidate, []string{`"given"`}, of(csi.Volume{Name: "twice", ID: id, Owner: "another",
		Context: given.Context}))
	h.must(csi.VerbPublish, of(given), in("one"))
	h.must(csi.VerbUnpublish, of(csi.Volume{Name: "given"}), in("one"))
	h.p.Calls()
	if answer := h.must(csi.VerbDelete, of(given)); !answer.Kept {
		t.Error("the volume is not kept")
	}
	h.order("")
	// Without a record, a publish needs the description alone.
	h.must(csi.VerbPublish, of(given), in("one"))
	h.must(csi.VerbUnpublish, of(given), in("one"))
	h.clean(1)
}

// TestNodeOnly uses a plugin that has no controller: a volume that was made before is neither validated
// nor attached.
func TestNodeOnly(t *testing.T) {
	h := newHost(t)
	id := h.must(csi.VerbCreate).Record.ID
	h.p.Restart("-without=controller")
	given := csi.Volume{Name: "given", Owner: "another", ID: id, Context: map[string]string{"image": id}}
	h.fails(csi.KindInUse, csi.VerbPublish, []string{`"data"`}, of(given), in("one"))
	h.edit(data(), func(r *csi.Record) { r.Provisioned = false })
	h.must(csi.VerbDelete)
	h.p.Calls()
	h.must(csi.VerbValidate, of(given))
	h.must(csi.VerbPublish, of(given), in("one"))
	h.order("NodeStageVolume NodePublishVolume")
	h.must(csi.VerbUnpublish, of(given), in("one"))
	h.order("NodeUnpublishVolume NodeUnstageVolume")
	h.fails(csi.KindUnsupported, csi.VerbCreate, []string{"CREATE_DELETE_VOLUME"})
	h.clean(1)
}

// TestChangedArguments: a record is not used for a volume that is described differently.
func TestChangedArguments(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	h.p.Calls()
	h.fails(csi.KindIncompatible, csi.VerbCreate, nil, of(csi.Volume{Name: "data", Size: csi.Size{Required: 1 << 30}}))
	h.fails(csi.KindIncompatible, csi.VerbPublish, nil, in("one"), of(csi.Volume{Name: "data", AccessType: csi.Block}))
	h.must(csi.VerbCreate)
	h.order("")
}
