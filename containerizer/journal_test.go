package containerizer

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
	j := journal{filepath.Join(t.TempDir(), "journal")}
	if reached, err := j.read(); err != nil || reached != nil {
		t.Errorf("no journal: %v, %v", reached, err)
	}
	for _, checkpoint := range []string{atIntent, atImage, "prepare/a/b", atRunning} {
		if err := j.reach(checkpoint); err != nil {
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
		if reached, err := j.read(); err != nil || len(reached) != lines {
			t.Fatalf("cut at byte %d: %d checkpoints, %v; want %d", cut, len(reached), err, lines)
		}
	}
}

// TestJournalGoesOnAfterATear wants what follows a torn line to count.
func TestJournalGoesOnAfterATear(t *testing.T) {
	j := journal{filepath.Join(t.TempDir(), "journal")}
	if err := os.WriteFile(j.path, []byte("\n1 intent;\n\n2 ima"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.reach(atDestroy); err != nil {
		t.Fatal(err)
	}
	reached, err := j.read()
	if err != nil || len(reached) != 2 || reached[1].Checkpoint != atDestroy {
		t.Errorf("after a tear: %v, %v", reached, err)
	}
}

func TestPhases(t *testing.T) {
	for checkpoint, want := range map[string]mctr.Phase{
		atIntent: mctr.Provisioning, atImage: mctr.Preparing, "prepare/x": mctr.Preparing, atPrepared: mctr.Isolating,
		atBundle: mctr.Isolating,
		atShim:   mctr.Isolating, atCreated: mctr.Isolating, "isolate/x": mctr.Isolating, atIsolated: mctr.Isolating,
		atRunning: mctr.Running,
		atDestroy: mctr.Destroying, atEnded: mctr.Destroying, "cleaned/x": mctr.Destroying, "failed/x": mctr.Destroying,
		atReleased: mctr.Destroying, atKept: mctr.Destroying,
	} {
		if got := phaseOf(checkpoint); got != want {
			t.Errorf("%s: %s, want %s", checkpoint, got, want)
		}
	}
}
