package containerizer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// strays is an isolator with leftovers of no container.
type strays struct {
	isolators.Base
	left []mctr.Leftover
}

func (*strays) Name() string { return "test/strays" }

func (s *strays) Recover(context.Context, []mctr.ContainerState, mctr.HandleOf) ([]mctr.Leftover, error) {
	return slices.Clone(s.left), nil
}

// undoer can undo them, but for those that it refuses.
type undoer struct{ strays }

func (u *undoer) Undo(_ context.Context, l mctr.Leftover) error {
	if l.Object == "stuck" {
		return errors.New("device busy")
	}
	u.left = slices.DeleteFunc(u.left, func(other mctr.Leftover) bool { return other.Object == l.Object })
	return nil
}

// TestLeftoversOfNoContainer wants each leftover undone or told to stay, with who found it.
func TestLeftoversOfNoContainer(t *testing.T) {
	stray := mctr.Leftover{Kind: "link", Object: "stray0", Why: "no container has it", Undo: "remove it"}
	stuck := mctr.Leftover{Kind: "link", Object: "stuck", Why: "no container has it", Undo: "remove it"}
	owned := mctr.Leftover{Kind: "link", Object: "owned0", Owner: "gone", Why: "no container has it", Undo: "remove it"}
	for name, c := range map[string]struct {
		isolator isolators.Isolator
		says     []string // nothing: no error
		stays    int
	}{
		"undone": {&undoer{strays{left: []mctr.Leftover{stray}}}, nil, 0},
		"undone but for one": {&undoer{strays{left: []mctr.Leftover{stuck, stray}}},
			[]string{"stuck", "device busy"}, 1},
		"no isolator can undo it": {&strays{left: []mctr.Leftover{stray}},
			[]string{"stray0", "test/strays", "cannot undo"}, 1},
		"clean-up does not do it": {&strays{left: []mctr.Leftover{owned}}, []string{"it stays", "owned0"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, c.isolator)
			found, err := a.Reconcile(t.Context())
			if (err != nil) != (c.says != nil) {
				t.Errorf("reconcile: %v", err)
			}
			for _, word := range c.says {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("the error does not say %q: %v", word, err)
				}
			}
			if len(found) == 0 || found[0].Isolator != "test/strays" {
				t.Errorf("found %+v", found)
			}
			if left, err := a.Leftovers(t.Context()); err != nil || len(left) != c.stays {
				t.Errorf("left: %+v, %v", left, err)
			}
		})
	}
}
