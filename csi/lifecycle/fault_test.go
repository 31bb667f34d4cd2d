package lifecycle_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/loopdriver"
)

// soon limits a request that is to fail in the end.
func soon(r *csi.Request) {
	r.Timeout, r.CallTimeout = csi.Duration(300*time.Millisecond), csi.Duration(100*time.Millisecond)
}

// TestFailedPublish: after a publish that fails, or that only says that it has succeeded, no directory
// is left that a container could write to, and the volume is free.
func TestFailedPublish(t *testing.T) {
	for name, c := range map[string]struct {
		fault loopdriver.Fault
		kind  csi.Kind
		text  string
	}{
		"error":  {loopdriver.Fault{Times: 9, Code: uint32(codes.Internal)}, csi.KindPlugin, "injected"},
		"denied": {loopdriver.Fault{Times: 1, Code: uint32(codes.PermissionDenied)}, csi.KindDenied, "injected"},
		"hollow": {loopdriver.Fault{Times: 1, Hollow: true}, csi.KindPlugin, "host's disk"},
		"late":   {loopdriver.Fault{Times: 1, Late: uint32(codes.FailedPrecondition)}, csi.KindState, "after the work"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.must(csi.VerbCreate)
			h.p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": c.fault})
			h.fails(c.kind, csi.VerbPublish, []string{c.text, `"data"`}, in("one"))
			h.clean(1)
			if h.record(data()).InUse() {
				t.Errorf("%+v", h.record(data()))
			}
			h.p.Fault(nil)
			h.must(csi.VerbPublish, in("two"))
			h.must(csi.VerbUnpublish, in("two"))
		})
	}
}

// TestPublishAgainFails: a container that has the volume keeps it, whatever a second publish meets.
func TestPublishAgainFails(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	answer := h.must(csi.VerbPublish, in("one"))
	staged := h.record(data()).Staging.Path
	for _, path := range []string{answer.Target, staged} { // another filesystem is in the place of the volume
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	h.p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Code: uint32(codes.InvalidArgument)}})
	h.p.Calls()
	h.fails(csi.KindInvalid, csi.VerbPublish, nil, in("one"))
	h.order("NodePublishVolume_InvalidArgument")
	for _, path := range []string{answer.Target, staged} {
		if err := unix.Unmount(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	h.must(csi.VerbPublish, in("one"))
	h.must(csi.VerbUnpublish, in("one"))
	h.clean(1)
}

// TestAnotherVolume: a plugin that publishes another volume than asked has failed.
func TestAnotherVolume(t *testing.T) {
	h := newHost(t, "-without=stage")
	other := csi.Volume{Name: "other", AccessMode: csi.SingleNodeMultiWriter}
	id := h.must(csi.VerbCreate, of(other)).Record.ID
	h.must(csi.VerbPublish, of(other), in("one"))
	h.must(csi.VerbCreate, of(shared))
	h.p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Volume: id}})
	h.fails(csi.KindPlugin, csi.VerbPublish, []string{"another volume"}, in("two"))
	if h.record(data()).InUse() {
		t.Errorf("%+v", h.record(data()))
	}
	h.must(csi.VerbPublish, in("two"))
	h.must(csi.VerbUnpublish, in("two"))
	h.must(csi.VerbUnpublish, of(other), in("one"))
	h.clean(2)
}

// TestAnotherVolumeMade: a plugin that makes a volume and answers with one that another record has, is
// not trusted: neither record can delete what is the other's.
func TestAnotherVolumeMade(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	name := h.record(data()).SentName
	h.p.Fault(map[string]loopdriver.Fault{"CreateVolume": {Times: 1, Volume: name}})
	second := csi.Volume{Name: "second"}
	h.fails(csi.KindInUse, csi.VerbCreate, []string{`"data"`}, of(second))
	if h.record(&second).ID != "" {
		t.Errorf("%+v", h.record(&second))
	}
	h.must(csi.VerbCreate, of(second))
	h.must(csi.VerbDelete, of(second))
	h.must(csi.VerbPublish, in("one"))
	h.must(csi.VerbUnpublish, in("one"))
	h.clean(1)
}

// TestUnknownOutcome: a volume whose creation has no known outcome is created again by the same name, so
// that there is one.
func TestUnknownOutcome(t *testing.T) {
	h := newHost(t)
	h.p.Fault(map[string]loopdriver.Fault{"CreateVolume": {Times: 99, Late: uint32(codes.Unavailable)}})
	if e := h.fails(csi.KindUnavailable, csi.VerbCreate, nil, soon); !e.Unknown {
		t.Errorf("%+v", e)
	}
	h.fails(csi.KindState, csi.VerbPublish, []string{"creation"}, in("one"))
	h.p.Fault(nil)
	h.must(csi.VerbCreate)
	if list := h.must(csi.VerbVolumes).Volumes; len(list) != 1 {
		t.Errorf("there are %v", list)
	}
	// One that was never seen is deleted by its name.
	h.p.Fault(map[string]loopdriver.Fault{"CreateVolume": {Times: 99, Late: uint32(codes.Unavailable)}})
	other := csi.Volume{Name: "other"}
	h.fails(csi.KindUnavailable, csi.VerbCreate, nil, of(other), soon)
	h.p.Fault(nil)
	h.must(csi.VerbDelete, of(other))
	if list := h.must(csi.VerbVolumes).Volumes; len(list) != 1 {
		t.Errorf("there are %v", list)
	}
}

// TestRefusedCreation leaves no record.
func TestRefusedCreation(t *testing.T) {
	h := newHost(t)
	h.fails(csi.KindRange, csi.VerbCreate, nil, of(csi.Volume{Name: "data", Size: csi.Size{Required: 1 << 50}}))
	h.fails(csi.KindInvalid, csi.VerbCreate, nil, of(csi.Volume{Name: "data", Filesystem: "ntfs"}))
	h.fails(csi.KindNotFound, csi.VerbCreate, nil,
		of(csi.Volume{Name: "data", Source: &csi.Source{SnapshotID: "nosuch"}}))
	h.fails(csi.KindExhausted, csi.VerbCreate, nil,
		of(csi.Volume{Name: "data", Requisite: []csi.Segments{{"topology.loop.csi.mctr.dev/node": "node-2"}}}))
	h.clean(0)
}

// TestSlowPlugin: a call that takes longer than a try is repeated, and ABORTED is waited out.
func TestSlowPlugin(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	h.p.Calls()
	h.p.Fault(map[string]loopdriver.Fault{"NodeStageVolume": {Times: 1, DelayMS: 250}})
	h.must(csi.VerbPublish, in("one"), func(r *csi.Request) { r.CallTimeout = csi.Duration(100 * time.Millisecond) })
	h.p.Fault(map[string]loopdriver.Fault{"NodeUnstageVolume": {Times: 3, Code: uint32(codes.Aborted)}})
	h.must(csi.VerbUnpublish, in("one"))
	calls := strings.Join(h.p.Order(), ",")
	if strings.Count(calls, "NodeStageVolume") < 2 || strings.Count(calls, "NodeUnstageVolume Aborted") != 3 {
		t.Error(calls)
	}
	h.clean(1)
}

// TestGarbage: an answer that cannot be decoded is not a success; the call is repeated a few times.
func TestGarbage(t *testing.T) {
	h := newHost(t)
	h.p.Fault(map[string]loopdriver.Fault{"CreateVolume": {Times: 1, Garbage: true}})
	h.must(csi.VerbCreate)
	h.p.Fault(map[string]loopdriver.Fault{"NodeStageVolume": {Times: 3, Garbage: true}})
	if e := h.fails(csi.KindPlugin, csi.VerbPublish, []string{"NodeStageVolume"}, in("one")); !e.Unknown {
		t.Errorf("%+v", e)
	}
	h.clean(1)
}

// TestNoPlugin: a missing socket is waited for, up to the limit of the request; the error names the call.
func TestNoPlugin(t *testing.T) {
	h := newHost(t)
	h.must(csi.VerbCreate)
	h.must(csi.VerbPublish, in("one"))
	h.p.Kill()
	if err := os.Remove(h.p.Socket); err != nil {
		t.Fatal(err)
	}
	e := h.fails(csi.KindUnavailable, csi.VerbUnpublish, []string{"GetPluginCapabilities", `"data"`}, in("one"), soon)
	if e.Unknown {
		t.Errorf("nothing was asked for, and the outcome is not known: %v", e)
	}
	if h.record(data()).References["one"] == nil {
		t.Error("the reference is lost")
	}
	var started sync.WaitGroup
	started.Go(func() {
		time.Sleep(100 * time.Millisecond) // while the request waits
		h.p.Start()
	})
	h.must(csi.VerbUnpublish, in("one"))
	started.Wait()
	h.clean(1)
}

// TestWrongPlugin refuses the socket of another plugin.
func TestWrongPlugin(t *testing.T) {
	h := newHost(t)
	h.plugin.Name = "another"
	h.fails(csi.KindInvalid, csi.VerbCreate, []string{loopdriver.Name, "another"})
	h.clean(0)
}

// canary begins every secret of TestSecrets.
const canary = "c4n4ry"

// secrets are those that a plugin started with "-secret" demands.
func secrets(r *csi.Request) {
	r.Secrets = csi.Secrets{}
	for _, rpc := range []string{"CreateVolume", "DeleteVolume", "ControllerPublishVolume", "ControllerUnpublishVolume",
		"NodeStageVolume", "NodePublishVolume", "CreateSnapshot", "DeleteSnapshot", "ControllerExpandVolume",
		"NodeExpandVolume", "ControllerModifyVolume", "ListSnapshots"} {
		r.Secrets[rpc] = map[string]string{"token": rpc + ":" + canary}
	}
}

// TestSecrets gives each call its own secret, and looks for secrets where they must not be: on disk, in
// the arguments and environment of mctr-csi, in answers and errors.
func TestSecrets(t *testing.T) {
	h := newHost(t, "-secret", canary)
	h.fails(csi.KindUnauthenticated, csi.VerbCreate, []string{"CreateVolume"})
	h.clean(0)
	e := h.fails(csi.KindDenied, csi.VerbCreate, nil, func(r *csi.Request) {
		r.Secrets = csi.Secrets{"CreateVolume": {"token": "DeleteVolume:" + canary}}
	})
	if strings.Contains(e.Error(), canary) {
		t.Error("an error has a secret: ", e)
	}
	h.p.Fault(map[string]loopdriver.Fault{"NodeStageVolume": {Times: 1, DelayMS: 200}})
	staged := true
	for _, step := range steps {
		looked := make(chan string, 1)
		if step.verb == csi.VerbPublish {
			go func() {
				time.Sleep(100 * time.Millisecond) // while the plugin is slow
				looked <- processes(t)
			}()
		}
		named := func(r *csi.Request) { r.Volume.SecretNames = csi.SecretRefs{"NodeStageVolume": "vault/one"} }
		if step.verb == csi.VerbValidate || step.verb == csi.VerbExpand {
			continue // the plugin has these calls without secrets, or with the same code
		}
		answer, err := h.run(h.request(step.verb, h.complete, secrets, named))
		if err != nil {
			t.Fatal(step.verb, err)
		}
		if answer.Error != nil || strings.Contains(h.disk(), canary) {
			t.Errorf("%s: a secret is on disk, or %v", step.verb, answer.Error)
		}
		if step.verb != csi.VerbPublish {
			continue
		}
		if seen := <-looked; strings.Contains(seen, canary) || staged && !strings.Contains(seen, "PATH=") {
			t.Errorf("%s: the process has arguments and environment %q", step.verb, seen)
		}
		staged = false // the plugin is slow once
	}
	h.clean(0)
}

// processes returns arguments and environments of the processes that this test's binary runs as
// mctr-csi: those without arguments.
func processes(t *testing.T) string {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Error(err)
	}
	all, _ := filepath.Glob("/proc/[0-9]*/exe")
	text := ""
	for _, exe := range all {
		if path, err := os.Readlink(exe); err != nil || path != self {
			continue
		}
		arguments, _ := os.ReadFile(filepath.Join(filepath.Dir(exe), "cmdline"))
		if strings.Count(string(arguments), "\x00") > 1 {
			continue // the test, or the plugin
		}
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(exe), "environ"))
		text += string(arguments) + string(environment)
	}
	return text
}

// disk returns all files below ROOT that are not on a volume.
func (h *host) disk() (text string) {
	h.t.Helper()
	err := filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if d.IsDir() && (d.Name() == "targets" || d.Name() == "staging") {
			return filepath.SkipDir
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		text += path + string(data)
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
	return text
}
