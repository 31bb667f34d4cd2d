package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
)

// checkIsolators returns an error, which wraps mctr.ErrUnsupported, if this process lacks an
// isolator that prepared the container: what that isolator made cannot be undone here.
func (r *Releaser) checkIsolators(c *store.Container) error {
	names, err := prepared(c)
	if err != nil {
		return err
	}
	var lacking []string
	for _, name := range names {
		if !slices.ContainsFunc(r.Isolators, func(i isolators.Isolator) bool { return i.Name() == name }) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	owner := "its owner"
	if record, err := c.Record(); err == nil {
		owner = fmt.Sprintf("%q, its owner,", record.Config.Owner)
	}
	return fmt.Errorf("%w: this process has no isolator %s, which prepared container %s: %s or another process that "+
		"has it must clean up",
		mctr.ErrUnsupported, strings.Join(lacking, ", "), c.ID.Short(), owner)
}

// prepared returns the names of the isolators whose Prepare was called for the container, by the
// journal, which may be lost, and by the record of the run.
func prepared(c *store.Container) (names []string, err error) {
	reached, err := c.Journal().Read()
	if err != nil {
		return nil, err
	}
	for _, t := range reached {
		if name, ok := strings.CutPrefix(t.Checkpoint, "prepare/"); ok {
			names = append(names, name)
		}
	}
	if run, err := c.Run(); err == nil && run != nil {
		names = append(names, run.Isolators...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
