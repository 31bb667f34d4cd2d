package store_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// layout1 are containers that a build of the first layout left in testdata/layout1, and the
// state of each.
var layout1 = map[string]store.State{
	"created":  {Pending: store.FirstStart},
	"exited":   {},
	"stopped":  {Desired: store.ToStop},
	"awaiting": {Pending: store.Restart, Restarts: 4, Streak: 4, LastExit: &mctr.Termination{ExitCode: 1}},
	"starting": {Restarts: 2, LastExit: &mctr.Termination{ExitCode: 4}},
	"running":  {Run: &store.Run{ShimPid: 24742}},
	"updating": {Run: &store.Run{ShimPid: 26143}, Update: &mctr.Resources{Pids: new(int64(77))}},
	"group":    {Run: &store.Run{}, Complete: true},
}

// earlier copies one of them into a store of its own.
func earlier(t *testing.T, name string) *store.Container {
	t.Helper()
	files := os.DirFS(filepath.Join("testdata", "layout1", name))
	data, err := os.ReadFile(filepath.Join("testdata", "layout1", name, "config.json"))
	var r struct{ ID mctr.ContainerID }
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	c := store.New(t.TempDir(), t.TempDir()).Container(r.ID)
	if err == nil {
		err = os.CopyFS(c.Dir(), files)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// same returns true if both states say the same, of what the test gives.
func same(got *store.State, want store.State) bool {
	if (got.Run == nil) != (want.Run == nil) || (got.LastExit == nil) != (want.LastExit == nil) ||
		(got.Update == nil) != (want.Update == nil) {
		return false
	}
	if got.LastExit != nil && got.LastExit.ExitCode != want.LastExit.ExitCode ||
		got.Update != nil && *got.Update.Pids != *want.Update.Pids ||
		got.Run != nil && (got.Run.ShimPid == 0 || len(got.Run.Isolators) == 0 || got.Run.ShimStartTime == 0) {
		return false
	}
	return got.Desired == want.Desired && got.Pending == want.Pending && got.Restarts == want.Restarts &&
		got.Streak == want.Streak && got.StartError == want.StartError && got.Complete == want.Complete
}

// TestLayout1 reads containers of the first layout as they are, brings them to this one by
// the first change, and wants nothing of the old layout left that an earlier build would
// go by.
func TestLayout1(t *testing.T) {
	for name, want := range layout1 {
		t.Run(name, func(t *testing.T) {
			c := earlier(t, name)
			if s, err := c.State(); err != nil || !same(s, want) {
				t.Fatalf("read: %+v, %v; want %+v", s, err, want)
			}
			if err := c.Change(t.Context(), store.FailStart, func(s *store.State) {
				s.StartError = "why"
			}); err != nil {
				t.Fatal(err)
			}
			want.StartError = "why"
			if s, err := c.State(); err != nil || !same(s, want) {
				t.Errorf("changed: %+v, %v; want %+v", s, err, want)
			}
			entries, err := os.ReadDir(c.Dir())
			var left []string
			for _, e := range entries {
				mark := e.Name() == "waiting" && want.Pending == store.FirstStart // for an earlier build
				if !mark && !slices.Contains([]string{"config.json", "state.json", "exit.json"}, e.Name()) {
					left = append(left, e.Name())
				}
			}
			if err != nil || len(left) > 0 {
				t.Errorf("left of the old layout: %q, %v", left, err)
			}
			data, err := os.ReadFile(c.ConfigFile())
			if err != nil || !strings.HasPrefix(string(data), `{"schema":3,`) {
				t.Errorf("the record is %s, %v: an earlier build would take it", data, err)
			}
		})
	}
}

// TestLayout1CutOff puts the files of the first layout back, each as a process leaves it
// that is killed before it removes it, or before it writes state.json: the next change goes
// by the same state.
func TestLayout1CutOff(t *testing.T) {
	nothing := func(*store.State) {}
	for name, want := range layout1 {
		c := earlier(t, name)
		entries, err := os.ReadDir(c.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Change(t.Context(), store.Settle, nothing); err != nil {
			t.Fatal(err)
		}
		for _, without := range []string{"", "state.json"} {
			for _, e := range entries {
				data, err := os.ReadFile(filepath.Join("testdata", "layout1", name, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if e.Name() == "config.json" {
					data = bytes.Replace(data, []byte(`"schema":1`), []byte(`"schema":2`), 1)
				}
				if err := os.WriteFile(filepath.Join(c.Dir(), e.Name()), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if without != "" {
				if err := os.Remove(filepath.Join(c.Dir(), without)); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Change(t.Context(), store.Settle, nothing); err != nil {
				t.Fatal(err)
			}
			if s, err := c.State(); err != nil || !same(s, want) {
				t.Errorf("%s, cut off: %+v, %v; want %+v", name, s, err, want)
			}
		}
	}
}
