package lifecycle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/lifecycle"
	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/csi/loopdriver/looptest"
)

// TestMain turns this binary into mctr-csi when it is started as one: without arguments.
func TestMain(m *testing.M) {
	if len(os.Args) == 1 {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := lifecycle.Serve(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(looptest.Main(m))
}

// program is the test's binary, which is mctr-csi without arguments.
const program = "/proc/self/exe"

// A host is a node with one plugin.
type host struct {
	t      *testing.T
	p      *looptest.Plugin
	root   string
	plugin csi.Plugin
}

// newHost returns a host with the loop plugin, whose records and mounts looptest looks for leaks in.
func newHost(t *testing.T, args ...string) *host {
	t.Helper()
	p := looptest.Start(t, append([]string{"-strict"}, args...)...)
	h := &host{t: t, p: p, root: filepath.Join(filepath.Dir(p.Dir), "root"),
		plugin: csi.Plugin{Name: loopdriver.Name, Socket: p.Socket}}
	if err := os.Mkdir(h.root, 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// data is a volume that the plugin makes.
func data() *csi.Volume { return &csi.Volume{Name: "data"} }

// request returns a request about volume data, changed by each of with.
func (h *host) request(verb string, with ...func(*csi.Request)) *csi.Request {
	r := &csi.Request{Verb: verb, Root: h.root, Plugin: h.plugin, Volume: data(),
		Timeout: csi.Duration(20 * time.Second)}
	for _, change := range with {
		change(r)
	}
	return r
}

// in sets the container of a request.
func in(id mctr.ContainerID) func(*csi.Request) { return func(r *csi.Request) { r.Container = id } }

// of sets the volume of a request.
func of(v csi.Volume) func(*csi.Request) { return func(r *csi.Request) { r.Volume = &v } }

// do does a request in this process.
func (h *host) do(verb string, with ...func(*csi.Request)) (*csi.Answer, error) {
	h.t.Helper()
	return h.serve(h.t.Context(), h.request(verb, with...))
}

func (h *host) serve(ctx context.Context, r *csi.Request) (*csi.Answer, error) {
	h.t.Helper()
	input, err := json.Marshal(r)
	if err != nil {
		h.t.Fatal(err)
	}
	var output bytes.Buffer
	if err := lifecycle.Serve(ctx, bytes.NewReader(input), &output); err != nil {
		h.t.Fatal(err)
	}
	answer := &csi.Answer{}
	if err := json.Unmarshal(output.Bytes(), answer); err != nil {
		h.t.Fatal(err, output.String())
	}
	if answer.Error != nil {
		return answer, answer.Error
	}
	return answer, nil
}

// must does a request that has to succeed.
func (h *host) must(verb string, with ...func(*csi.Request)) *csi.Answer {
	h.t.Helper()
	answer, err := h.do(verb, with...)
	if err != nil {
		h.t.Fatalf("%s: %v", verb, err)
	}
	return answer
}

// fails does a request that has to fail by a kind, with texts in its error.
func (h *host) fails(kind csi.Kind, verb string, texts []string, with ...func(*csi.Request)) *csi.Error {
	h.t.Helper()
	_, err := h.do(verb, with...)
	e, ok := errors.AsType[*csi.Error](err)
	if !ok || e.Kind != kind {
		h.t.Fatalf("%s: %v (%+v), want kind %s", verb, err, e, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			h.t.Errorf("%s: %q lacks %q", verb, err, text)
		}
	}
	return e
}

// order wants the plugin to have answered calls since the last look, those that failed with
// their code: "NodeStageVolume NodePublishVolume_Aborted".
func (h *host) order(want string) {
	h.t.Helper()
	got := strings.ReplaceAll(strings.Join(h.p.Order(), "\n"), " ", "_")
	if want = strings.Join(strings.Fields(want), "\n"); got != want {
		h.t.Errorf("calls:\n%s\nwant:\n%s", got, want)
	}
}

// record returns the record of a volume, nil if there is none.
func (h *host) record(v *csi.Volume) *csi.Record {
	h.t.Helper()
	r, err := csi.NewStore(h.root).Read(key(v))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	return r
}

func key(v *csi.Volume) string {
	of := *v
	of.Plugin = loopdriver.Name
	return of.Key()
}

// edit changes the record of a volume behind the back of mctr-csi.
func (h *host) edit(v *csi.Volume, change func(*csi.Record)) {
	h.t.Helper()
	r := h.record(v)
	change(r)
	if err := csi.NewStore(h.root).Write(r, false); err != nil {
		h.t.Fatal(err)
	}
}

// clean wants nothing left: no mounts, no directories, no records but those of volumes that exist.
func (h *host) clean(records int) {
	h.t.Helper()
	locks := 0
	err := filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		rest, _ := filepath.Rel(h.root, path)
		parts := strings.Split(rest, "/")
		switch {
		case err != nil:
			return err
		case slices.Contains(parts, "staging") && len(parts) > 2, slices.Contains(parts, "targets") && len(parts) > 3:
			h.t.Errorf("%s is left", path)
		case filepath.Ext(path) == ".json" && parts[1] == "volumes":
			records--
			locks++
		case filepath.Ext(path) == ".lock" && parts[1] == "volumes":
			locks--
		}
		return nil
	})
	if err != nil || records != 0 || locks != 0 {
		h.t.Errorf("%d records are missing, and %d locks: %v", records, locks, err)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(h.root))
	if err != nil || len(mounts) > 0 {
		h.t.Errorf("mounts are left: %v, %v", mounts, err)
	}
}

func (h *host) write(answer *csi.Answer, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(answer.Target, "file"), []byte(text), 0o600); err != nil {
		h.t.Error(err)
	}
}

func (h *host) read(answer *csi.Answer, want string) {
	h.t.Helper()
	got, err := os.ReadFile(filepath.Join(answer.Target, "file"))
	if err != nil || string(got) != want {
		h.t.Errorf("read %q, %v; want %q", got, err, want)
	}
}
