package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// layout2 are containers that a build of the second layout left in testdata/layout2: its
// names are in camelCase, and its durations are nanoseconds.
var layout2 = map[string]store.State{
	"created":  {Schema: 1, Pending: store.FirstStart},
	"exited":   {Schema: 1},
	"stopped":  {Schema: 1, Desired: store.ToStop},
	"awaiting": {Schema: 1, Pending: store.Restart, Restarts: 7, Streak: 7},
	"running":  {Schema: 1},
}

// exitCodes are those of the containers of layout 2 that have exited.
var exitCodes = map[string]int{"exited": 3, "stopped": 137, "awaiting": 1}

// second copies a container of layout 2 into a store of its own, and what is in STATE too.
func second(t *testing.T, name string) *store.Container {
	t.Helper()
	dir := filepath.Join("testdata", "layout2", name)
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	var r struct{ ID mctr.ContainerID }
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	c := store.New(t.TempDir(), t.TempDir()).Container(r.ID)
	if err == nil {
		err = os.CopyFS(c.Dir(), os.DirFS(dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLayout2 reads containers of the second layout as they are, changes them, and wants
// nothing of them lost, and what is written then to be of the present one.
func TestLayout2(t *testing.T) {
	for name, want := range layout2 {
		t.Run(name, func(t *testing.T) {
			c := second(t, name)
			wantLayout2(t, c, name)
			got, err := c.State()
			if err != nil {
				t.Fatal(err)
			}
			got.Run = nil
			if diff := cmp.Diff(want, *got); diff != "" {
				t.Error(diff)
			}
			r, err := c.RecordToChange()
			if err != nil {
				t.Fatal(err)
			}
			r.Config.Labels = map[string]string{"maxSize": "kept"}
			if err := c.SetRecord(r); err != nil {
				t.Fatal(err)
			}
			if err := c.Change(t.Context(), store.BeginUpdate, func(s *store.State) {
				s.Update = &mctr.Resources{Memory: mctr.Memory{OOMScoreAdj: new(7)}}
			}); err != nil {
				t.Fatal(err)
			}
			wantLayout2(t, c, name)
			for _, file := range []string{"config.json", "state.json"} {
				data, err := os.ReadFile(filepath.Join(c.Dir(), file))
				if err != nil || strings.Contains(string(data), "oomScoreAdj") ||
					!strings.Contains(string(data), "oom_score_adj") {
					t.Errorf("%s is %s, %v", file, data, err)
				}
			}
		})
	}
}

// wantLayout2 compares what is known of a container with what the build before was told.
func wantLayout2(t *testing.T, c *store.Container, name string) {
	t.Helper()
	r, err := c.RecordToChange()
	if err != nil {
		t.Fatal(err)
	}
	want := mctr.ContainerConfig{
		Resources: mctr.Resources{Memory: mctr.Memory{OOMScoreAdj: new(5)}},
		Security:  mctr.Security{CapDrop: []string{"NET_RAW"}},
		Health: &mctr.HealthCheck{
			Command: []string{"/bin/sh", "-c", "true"}, Interval: mctr.Duration(3 * time.Second),
			Grace: new(mctr.Duration),
		},
		Log:         mctr.LogConfig{Driver: "cri", MaxSize: 1 << 20},
		StopTimeout: new(mctr.Duration(7 * time.Second)), MaxCompletion: mctr.Duration(time.Hour),
	}
	got := *r.Config
	want.Name, want.Owner, want.Process, want.Network, want.Restart, want.Labels = name, "cli", got.Process, "none",
		got.Restart, got.Labels
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	end, err := c.Termination()
	if err != nil {
		t.Fatal(err)
	}
	if code, exited := exitCodes[name]; exited != (end != nil) || exited && end.ExitCode != code {
		t.Errorf("exit: %+v, want %d", end, code)
	}
	if name == "running" && c.Resolved().StopSignal != "SIGTERM" {
		t.Errorf("resolved: %+v", c.Resolved())
	}
}
