package containerizer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
)

type plain struct{ isolators.Base }

func (plain) Name() string { return "test/plain" }

// TestHungCleanup gives up a clean-up that does not return, also one that does not
// look at its context.
func TestHungCleanup(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for name, fault := range map[string]isolatortest.Fault{"until it is told": isolatortest.Hang(),
		"for ever": isolatortest.Stick(release)} {
		f := isolatortest.NewFaults(plain{})
		f.Before("Cleanup", fault)
		g := &guarded{f, 10 * time.Millisecond, 10 * time.Millisecond}
		if err := g.Cleanup(t.Context(), mctr.Handle{ID: "c"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPanicSaysWhere wants the place of a panic in its error.
func TestPanicSaysWhere(t *testing.T) {
	f := isolatortest.NewFaults(plain{})
	f.Before("Prepare", isolatortest.Panic("oh"))
	_, err := guard([]isolators.Isolator{f})[0].Prepare(t.Context(), &mctr.Container{})
	if err == nil || !strings.Contains(err.Error(), "Prepare panicked: oh") ||
		!strings.Contains(err.Error(), "faults.go") {
		t.Errorf("error: %v", err)
	}
}
