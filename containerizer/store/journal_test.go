package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestTornJournal reads a journal cut at every byte, as a crash leaves it: what
// was written whole was reached, and nothing else.
func TestTornJournal(t *testing.T) {
	j := Journal{filepath.Join(t.TempDir(), "journal")}
	if reached, err := j.Read(); err != nil || reached != nil {
		t.Errorf("no journal: %v, %v", reached, err)
	}
	for _, checkpoint := range []string{Intent, Image, "prepare/a/b", Running} {
		if err := j.Reach(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for cut := range len(whole) + 1 {
		if cut > 0 && strings.HasSuffix(string(whole[:cut]), ";\n") {
			lines++
		}
		if err := os.WriteFile(j.path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if reached, err := j.Read(); err != nil || len(reached) != lines {
			t.Fatalf("cut at byte %d: %d checkpoints, %v; want %d", cut, len(reached), err, lines)
		}
	}
}

// TestJournalGoesOnAfterATear wants what follows a torn line to count.
func TestJournalGoesOnAfterATear(t *testing.T) {
	j := Journal{filepath.Join(t.TempDir(), "journal")}
	if err := os.WriteFile(j.path, []byte("\n1 intent;\n\n2 ima"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.Reach(Destroy); err != nil {
		t.Fatal(err)
	}
	reached, err := j.Read()
	if err != nil || len(reached) != 2 || reached[1].Checkpoint != Destroy {
		t.Errorf("after a tear: %v, %v", reached, err)
	}
}

func TestPhases(t *testing.T) {
	for checkpoint, want := range map[string]mctr.Phase{
		Intent: mctr.Provisioning, Image: mctr.Preparing, "prepare/x": mctr.Preparing, Prepared: mctr.Isolating,
		Bundle: mctr.Isolating,
		Shim:   mctr.Isolating, Created: mctr.Isolating, "isolate/x": mctr.Isolating, Isolated: mctr.Isolating,
		Running: mctr.Running,
		Destroy: mctr.Destroying, Ended: mctr.Destroying, "cleaned/x": mctr.Destroying, "failed/x": mctr.Destroying,
		Released: mctr.Destroying, Kept: mctr.Destroying,
	} {
		if got := PhaseOf(checkpoint); got != want {
			t.Errorf("%s: %s, want %s", checkpoint, got, want)
		}
	}
}
