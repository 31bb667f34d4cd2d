package mctr

import (
	"strings"
	"testing"
)

// TestGroupNamesTheSameTask wants one of several bad tasks to be named, the same each time.
func TestGroupNamesTheSameTask(t *testing.T) {
	pause := ContainerConfig{Process: Process{Pause: true}}
	g := &Group{Tasks: map[string]ContainerConfig{"d": pause, "b": pause, "a": pause, "c": pause}}
	for range 50 {
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), "task a:") {
			t.Fatalf("%v: want task a", err)
		}
	}
}
