package mctr

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSteps gives checkpoints with the milliseconds at which they were reached, and wants
// every millisecond under the name of what took it.
func TestSteps(t *testing.T) {
	for _, c := range []struct{ reached, want string }{
		{"", ""},
		{"intent 5", "intent 0"},
		{"intent 0, image 7", "intent 0, image 7"},
		// The launch's caller knows when it began.
		{" 0, intent 3, image 7", "intent 3, image 4"},
		// An isolator has its own time, and not that of the one before it or of config.json.
		{"image 0, prepare/a 1, prepare/b 4, prepared 9, bundle 11", "image 0, prepare/a 3, prepare/b 5, bundle 2"},
		{"bundle 0, shim 1, created 31, isolated 32, running 34", "bundle 0, shim 30, isolated 1, running 2"},
		{"created 0, isolate/a 20, isolated 21", "created 0, isolate/a 20, isolated 1"},
		// The run is no step; a DEL that took 249 is the network's, not the next isolator's.
		{"running 0, destroy 900, ended 910, cleaned/network/cni 1159, cleaned/network/ports 1160, released 1165",
			"running 0, destroy 10, cleaned/network/cni 249, cleaned/network/ports 1, released 5"},
		{"ended 0, failed/cni 60, cleaned/ports 61", "ended 0, failed/cni 60, cleaned/ports 1"},
		// What was cut off took nobody knows how long; another release begins for itself.
		{"prepare/a 0, destroy 5000, ended 5001", "prepare/a ?, destroy 1"},
		{"intent 0, destroy 5000, ended 5001", "intent 0, destroy 1"},
		{"shim 0", "shim ?"},
		{"failed/a 0, destroy 60000, ended 60001", "failed/a 0, destroy 1"},
	} {
		var got []string
		for _, s := range Steps(timingsOf(t, c.reached)) {
			took := fmt.Sprint(s.Took().Milliseconds())
			if s.Ended.IsZero() {
				took = "?"
			}
			got = append(got, s.Name+" "+took)
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.reached, got, c.want)
		}
	}
}

func timingsOf(t *testing.T, text string) (reached []Timing) {
	if text == "" {
		return nil
	}
	for item := range strings.SplitSeq(text, ", ") {
		name, at, _ := strings.Cut(item, " ")
		var milliseconds int64
		if _, err := fmt.Sscan(at, &milliseconds); err != nil {
			t.Fatal(err)
		}
		reached = append(reached, Timing{Checkpoint: name, At: time.UnixMilli(milliseconds)})
	}
	return reached
}
