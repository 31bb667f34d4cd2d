package reconcile

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// TestRemovedDuringScan looks at a container that was removed after the directories were
// read: nothing is left of it, and nothing has failed.
func TestRemovedDuringScan(t *testing.T) {
	s := &scan{
		Scanner: &Scanner{Store: store.New(t.TempDir(), t.TempDir())}, seen: map[mctr.ContainerID]mctr.Phase{},
	}
	if err := s.record("job", s.Store.Container("job").Dir()); err != nil || len(s.found) > 0 {
		t.Errorf("%v, found %v", err, s.found)
	}
}
