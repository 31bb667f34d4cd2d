package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/lifecycle"
	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/internal/failpoint"
)

// run does a request in a process of its own.
func (h *host) run(r *csi.Request) (*csi.Answer, error) {
	return (&csi.Runner{Program: program}).Do(h.t.Context(), r)
}

// steps are the requests of a volume's life that pass each failpoint, in order.
var steps = []struct {
	verb   string
	points string // those that it passes, without "csi/"
}{
	{csi.VerbCreate, "creating create-called created"},
	{csi.VerbPublish, "attaching attach-called staging stage-called publishing publish-called published"},
	{csi.VerbModify, "modified"},
	{csi.VerbSnapshot, "cutting cut-called cut"},
	{csi.VerbDeleteSnapshot, "snapshot-delete-called"},
	{csi.VerbUnpublish, "unpublishing unpublish-called unstaging unstage-called detaching detach-called released"},
	{csi.VerbExpand, "expanding expand-called expanded"},
	{csi.VerbPublish, "node-expand-called"},
	{csi.VerbValidate, "validated"},
	{csi.VerbUnpublish, ""},
	{csi.VerbDelete, "deleting delete-called"},
}

// complete makes a request of the verb do something.
func (h *host) complete(r *csi.Request) {
	r.Container = "one"
	r.Mutable = map[string]string{"tier": "gold"}
	r.Size = csi.Size{Required: 32 << 20}
	if r.Verb == csi.VerbSnapshot || r.Verb == csi.VerbDeleteSnapshot {
		r.Snapshot = &csi.Snapshot{Name: "s", VolumeIDs: []string{h.record(data()).ID}}
	}
}

// TestKill kills mctr-csi at every failpoint. The same request, made again, succeeds, and in the end
// nothing is lost and nothing is left.
func TestKill(t *testing.T) {
	h := newHost(t)
	for _, at := range lifecycle.Failpoints {
		if short := strings.TrimPrefix(at, "csi/"); short != "unpublished" && short != "node-expanded" {
			h.liveThrough(short, false)
		}
	}
}

// TestKillThenRecover kills mctr-csi at the failpoints of publish and unpublish. A recover alone, with no
// live container, releases everything.
func TestKillThenRecover(t *testing.T) {
	h := newHost(t)
	for _, step := range steps {
		if step.verb == csi.VerbPublish || step.verb == csi.VerbUnpublish {
			for at := range strings.FieldsSeq(step.points) {
				h.liveThrough(at, true)
			}
		}
	}
}

// TestKillBind kills mctr-csi where only a plugin without staging and attachment passes.
func TestKillBind(t *testing.T) {
	h := newHost(t, "-bind")
	h.must(csi.VerbCreate)
	for _, at := range []string{"unpublishing", "unpublish-called", "unpublished"} {
		h.must(csi.VerbPublish, h.complete)
		h.kill(csi.VerbUnpublish, at)
		h.must(csi.VerbUnpublish, h.complete)
		h.clean(1)
	}
}

// liveThrough leads a volume through its life. The request that passes the failpoint is killed there.
func (h *host) liveThrough(at string, recover bool) {
	h.t.Helper()
	killed := false
	for _, step := range steps {
		if slices.Contains(strings.Fields(step.points), at) {
			h.kill(step.verb, at)
			killed = true
			if recover {
				h.recoverAll()
				h.clean(1)
			}
		}
		answer := h.must(step.verb, h.complete)
		if step.verb == csi.VerbPublish {
			h.write(answer, at)
			h.read(answer, at)
		}
	}
	if !killed {
		h.t.Errorf("no request passes %s", at)
	}
	h.clean(0)
	if left := h.must(csi.VerbVolumes).Volumes; len(left) > 0 {
		h.t.Errorf("killed at %s: the plugin has %v", at, left)
	}
	if left := h.must(csi.VerbSnapshots).Snapshots; len(left) > 0 {
		h.t.Errorf("killed at %s: the plugin has %v", at, left)
	}
}

// kill has a process killed at a failpoint.
func (h *host) kill(verb, at string) {
	h.t.Helper()
	h.t.Setenv(failpoint.Env, "csi/"+at+"=kill")
	_, err := h.run(h.request(verb, h.complete))
	h.t.Setenv(failpoint.Env, "")
	if e, ok := errors.AsType[*csi.Error](err); !ok || !e.Unknown || !strings.Contains(err.Error(), "killed") {
		h.t.Errorf("%s is to be killed at %s: %v", verb, at, err)
	}
}

// TestPluginDies: the plugin dies before and after the work of every call, and is started again. The
// request waits for it and succeeds.
func TestPluginDies(t *testing.T) {
	h := newHost(t)
	rpcs := map[string][]string{csi.VerbCreate: {"CreateVolume"}, csi.VerbDelete: {"DeleteVolume"},
		csi.VerbPublish:   {"ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume"},
		csi.VerbUnpublish: {"NodeUnpublishVolume", "NodeUnstageVolume", "ControllerUnpublishVolume"}}
	reverse := map[string]string{csi.VerbPublish: csi.VerbUnpublish, csi.VerbUnpublish: csi.VerbPublish}
	for _, when := range []string{"before", "after"} {
		for _, verb := range []string{csi.VerbCreate, csi.VerbPublish, csi.VerbUnpublish, csi.VerbDelete} {
			for i, rpc := range rpcs[verb] {
				if i > 0 { // back to where the call is made
					h.must(reverse[verb], h.complete)
				}
				h.p.Fault(map[string]loopdriver.Fault{rpc: {Times: 1, Die: when}})
				var revived sync.WaitGroup
				revived.Go(h.p.Revive)
				if _, err := h.do(verb, h.complete); err != nil {
					t.Errorf("%s, the plugin dies %s %s: %v", verb, when, rpc, err)
				}
				revived.Wait()
			}
		}
		h.clean(0)
	}
}

// TestTwoAtOnce: two processes that work on one volume take turns, so that the plugin never has two
// calls for it.
func TestTwoAtOnce(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate, of(shared))
	slow := loopdriver.Fault{Times: 100, DelayMS: 30}
	h.p.Fault(map[string]loopdriver.Fault{"NodeStageVolume": slow, "NodePublishVolume": slow,
		"NodeUnpublishVolume": slow})
	for _, verb := range []string{csi.VerbPublish, csi.VerbUnpublish} {
		var all sync.WaitGroup
		for _, id := range []mctr.ContainerID{"one", "two"} {
			all.Go(func() {
				if _, err := h.run(h.request(verb, in(id))); err != nil {
					t.Error(verb, id, err)
				}
			})
		}
		all.Wait()
	}
	for _, call := range h.p.Order() {
		if strings.Contains(call, " ") {
			t.Error("an answer was ", call)
		}
	}
	h.clean(1)
}

// TestGivesUp: an unpublish goes on after its caller has given up, and a publish is undone.
func TestGivesUp(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	h.must(csi.VerbPublish, in("one"))
	h.p.Fault(map[string]loopdriver.Fault{"NodeUnpublishVolume": {Times: 1, DelayMS: 300},
		"NodePublishVolume": {Times: 1, DelayMS: 300}})
	for _, verb := range []string{csi.VerbUnpublish, csi.VerbPublish} {
		cause := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
		if _, err := (&csi.Runner{Program: program}).Do(ctx, h.request(verb, in("one"))); !errors.Is(err, cause) {
			t.Errorf("%s: %v", verb, err)
		}
		for deadline := time.Now().Add(20 * time.Second); h.record(data()).InUse(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the volume is still in use: %+v", verb, h.record(data()))
			}
		}
		h.clean(1)
	}
}

// TestPublishStops: a publish whose context ends is undone before it answers.
func TestPublishStops(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	h.p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, DelayMS: 300}})
	h.p.Calls()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := h.serve(ctx, h.request(csi.VerbPublish, in("one")))
	if e, ok := errors.AsType[*csi.Error](err); !ok || !e.Unknown {
		t.Errorf("%v: want an unknown outcome", err)
	}
	h.clean(1)
	if r := h.record(data()); r.InUse() {
		t.Errorf("the volume is in use: %+v", r)
	}
}
