package containerizer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// idle is an isolator that does nothing.
type idle struct{ isolators.Base }

func (idle) Name() string { return "test/idle" }

// slowly lets a verb take so long that the machine cannot be what took it.
func slowly(context.Context) error { time.Sleep(long); return nil }

const long = 400 * time.Millisecond

// TestStepsOfWhatIsSlow has one verb of an isolator take long, the last of the table for
// Prepare and the first for Cleanup, and wants that time under its own name alone: in what
// the launch tells, and in the story that is kept.
func TestStepsOfWhatIsSlow(t *testing.T) {
	for verb, want := range map[string]string{"Prepare": "prepare/test/idle", "Isolate": "isolate/test/idle",
		"Cleanup": "cleaned/test/idle"} {
		t.Run(verb, func(t *testing.T) {
			faults := isolatortest.NewFaults(idle{})
			a := newAgent(t, faults)
			faults.Before(verb, slowly)
			var told []mctr.Step
			o := containerizer.LaunchOptions{Step: func(s mctr.Step) { told = append(told, s) }}
			if _, err := a.Launch(t.Context(), "slow", a.config("true"), o); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Wait(t.Context(), "slow"); err != nil {
				t.Fatal(err)
			}
			s, err := a.Status(t.Context(), "slow")
			if err != nil {
				t.Fatal(err)
			}
			wantSlow(t, mctr.Steps(s.Timings), want)
			if verb != "Cleanup" {
				wantSlow(t, told, want)
			}
			if first, last := told[0].Name, told[len(told)-1].Name; first != "intent" || last != "running" {
				t.Errorf("the launch told %s to %s", first, last)
			}
			a.remove("slow")
		})
	}
}

// TestStepOfAFailedCleanup wants the time of a Cleanup that failed under its own name.
func TestStepOfAFailedCleanup(t *testing.T) {
	faults := isolatortest.NewFaults(idle{})
	a := newAgent(t, faults)
	a.launch("slow", "true")
	faults.Before("Cleanup", func(ctx context.Context) error { return errors.Join(slowly(ctx), errors.New("refused")) })
	if _, err := a.Wait(t.Context(), "slow"); err != nil {
		t.Fatal(err)
	}
	s, err := a.Status(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	wantSlow(t, mctr.Steps(s.Timings), "failed/test/idle")
	faults.Before("Cleanup", nil)
	a.remove("slow")
}

func wantSlow(t *testing.T, steps []mctr.Step, want string) {
	t.Helper()
	found := false
	for _, s := range steps {
		if (s.Name == want) != (s.Took() >= long) {
			t.Errorf("%s took %v", s.Name, s.Took())
		}
		found = found || s.Name == want
	}
	if !found {
		t.Errorf("no step %s: %v", want, steps)
	}
}
