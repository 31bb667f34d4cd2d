package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/atomicfile"
)

// endsUnseen launches a container under an agent that goes, and waits for the container's end.
func (a *agent) endsUnseen(id mctr.ContainerID, config *mctr.ContainerConfig) {
	a.t.Helper()
	first, err := a.tryOpen()
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := first.Launch(a.t.Context(), id, config, containerizer.LaunchOptions{}); err != nil {
		a.t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		a.t.Fatal(err)
	}
	a.eventually("it has ended", func() bool {
		s, err := a.Status(a.t.Context(), id)
		return err == nil && s.Phase == mctr.Exited
	})
}

// TestEndsStay wants an end told to each next process of the owner until one
// acknowledges it, whatever others did to the container meanwhile.
func TestEndsStay(t *testing.T) {
	for name, meddle := range map[string]func(*agent, *containerizer.Containerizer) error{
		"nobody": func(*agent, *containerizer.Containerizer) error { return nil },
		"released": func(a *agent, other *containerizer.Containerizer) error {
			return other.CleanupEnded(a.t.Context())
		},
		"cleaned up": func(a *agent, other *containerizer.Containerizer) error {
			return other.Cleanup(a.t.Context(), "job")
		},
		"removed": func(a *agent, other *containerizer.Containerizer) error {
			return other.Remove(a.t.Context(), "job", false)
		},
		"removed by force": func(a *agent, other *containerizer.Containerizer) error {
			return other.Remove(a.t.Context(), "job", true)
		},
		"reconciled": func(a *agent, other *containerizer.Containerizer) error {
			_, err := other.Reconcile(a.t.Context())
			return err
		},
		"STATE was lost": func(a *agent, _ *containerizer.Containerizer) error { wipe(a.t, a.state); return nil },
		"destroyed once more": func(a *agent, other *containerizer.Containerizer) error {
			_, err := other.Destroy(a.t.Context(), "job")
			return err
		},
	} {
		for _, remove := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", --rm"}[remove], func(t *testing.T) {
				a := newAgent(t)
				config := a.config("sh", "-c", "sleep 0.1; exit 7")
				config.Remove, config.Name, config.Labels = remove, "named", map[string]string{"task": "4"}
				a.endsUnseen("job", config)
				other, err := a.tryOpen(containerizer.WithOwner("cli"))
				if err != nil {
					t.Fatal(err)
				}
				defer other.Close()
				if err := meddle(a, other); err != nil && !errors.Is(err, mctr.ErrNotFound) {
					t.Fatal(err)
				}
				var keys []string
				for range 2 { // the first one died before it had written anything down
					next := a.open()
					found, err := next.Recover(t.Context())
					if err != nil || len(found.Ends.Ends) != 1 || found.Ended["job"] == nil ||
						found.Ended["job"].ExitCode != 7 {
						t.Fatalf("recovered %+v, %+v, %v", found, found.Ends, err)
					}
					e := found.Ends.Ends[0]
					if e.ID != "job" || e.Name != "named" || e.Labels["task"] != "4" || e.Termination.ExitCode != 7 {
						t.Errorf("the end is %+v", e)
					}
					keys = append(keys, e.Key)
					if err := next.Close(); err != nil {
						t.Error(err)
					}
				}
				if keys[0] != keys[1] {
					t.Errorf("one end has the keys %q", keys)
				}
				if err := errors.Join(a.Acknowledge(t.Context(), keys...),
					a.Acknowledge(t.Context(), keys...)); err != nil {
					t.Error(err)
				}
				if found, err := a.Recover(t.Context()); err != nil || len(found.Ended)+len(found.Ends.Ends) > 0 {
					t.Errorf("after it was acknowledged: %+v, %v", found, err)
				}
				if err := a.Remove(t.Context(), "job", true); err != nil && !errors.Is(err, mctr.ErrNotFound) {
					t.Error(err)
				}
			})
		}
	}
}

// TestEveryEndOfARestart wants each end of a container that its policy starts again.
func TestEveryEndOfARestart(t *testing.T) {
	a := newAgent(t)
	config := a.config("false")
	config.Restart = mctr.RestartPolicy{Name: mctr.RestartOnFailure, Max: 2}
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	a.eventually("it has ended three times", func() bool {
		found, err := a.Ends(t.Context())
		return err == nil && len(found.Ends) == 3
	})
	a.remove("job")
	found, err := a.Ends(t.Context())
	if err != nil ||
		!slices.IsSortedFunc(found.Ends, func(x, y mctr.End) int {
			return x.Termination.Finished.Compare(y.Termination.Finished)
		}) {
		t.Errorf("%+v, %v", found, err)
	}
	for _, e := range found.Ends {
		if err := a.Acknowledge(t.Context(), e.Key); err != nil {
			t.Error(err)
		}
	}
}

// TestEndsAreTheirOwners wants an owner told of its own, and the command line's not kept.
func TestEndsAreTheirOwners(t *testing.T) {
	a := newAgent(t)
	for _, owner := range []string{"another", "cli"} {
		c, err := a.tryOpen(containerizer.WithOwner(owner))
		if err != nil {
			t.Fatal(err)
		}
		id := mctr.ContainerID("of-" + owner)
		if _, err := c.Launch(t.Context(), id, a.config("true"), containerizer.LaunchOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		ends, err := c.Ends(t.Context())
		if want := map[string]int{"another": 1, "cli": 0}[owner]; err != nil || len(ends.Ends) != want {
			t.Errorf("%s: %+v, %v", owner, ends, err)
		}
		if err := errors.Join(c.Remove(t.Context(), id, false), c.Close()); err != nil {
			t.Error(err)
		}
	}
	if ends, err := a.Ends(t.Context()); err != nil || len(ends.Ends) > 0 {
		t.Errorf("%+v, %v", ends, err)
	}
	for _, key := range []string{"", "x", "../../names/x", "0000000000000000001-../x", "1-job"} {
		if err := a.Acknowledge(t.Context(), key); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

// TestTooManyEnds wants the oldest dropped, and counted, for an owner that never
// acknowledges; and what is damaged counted too.
func TestTooManyEnds(t *testing.T) {
	a := newAgent(t)
	a.endsUnseen("job", a.config("true"))
	if _, err := a.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(a.root, "ends/*/*-job.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	dir := filepath.Dir(files[0])
	old := time.Now().Add(-60 * 24 * time.Hour).UnixNano()
	end := mctr.End{ID: "old", Termination: &mctr.Termination{}}
	for i := range 3 {
		if err := atomicfile.WriteJSON(filepath.Join(dir, keyOf(old+int64(i), "old")+".json"), end); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UnixNano()
	for i := range 10_000 {
		if err := os.WriteFile(filepath.Join(dir, keyOf(now+int64(i), "many")+".json"),
			[]byte(`{"id":"many","termination":{}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.remove("job")
	a.endsUnseen("job", a.config("true"))
	a.remove("job")
	ends, err := a.Ends(context.Background())
	if err != nil || len(ends.Ends) != 10_000 || ends.Dropped != 5 || ends.DroppedLast.IsZero() {
		t.Errorf("%d are kept, %d were dropped at %v, %v", len(ends.Ends), ends.Dropped, ends.DroppedLast, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ends.Ends[0].Key+".json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ends, err := a.Ends(t.Context()); err != nil || len(ends.Ends) != 9_999 || ends.Dropped != 6 {
		t.Errorf("with a damaged one: %d, %d dropped, %v", len(ends.Ends), ends.Dropped, err)
	}
}

func keyOf(at int64, id string) string { return fmt.Sprintf("%019d-%s", at, id) }
