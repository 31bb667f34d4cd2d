package containerizer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// prepared names the isolators whose Prepare was called for the container: by the
// journal, which may be lost, and by the record of the run.
func (c *Containerizer) prepared(id mctr.ContainerID) (names []string, err error) {
	reached, err := c.handle(id).Journal().Read()
	if err != nil {
		return nil, err
	}
	for _, t := range reached {
		if name, ok := strings.CutPrefix(t.Checkpoint, "prepare/"); ok {
			names = append(names, name)
		}
	}
	if run, err := c.handle(id).Run(); err == nil && run != nil {
		names = append(names, run.Isolators...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// isolatorNames are those of this process' table.
func (c *Containerizer) isolatorNames() []string {
	names := make([]string, len(c.isolators))
	for i, isolator := range c.isolators {
		names[i] = isolator.Name()
	}
	return names
}

// checkIsolators returns an error if isolators prepared the container that this process
// does not have: what they made cannot be undone here. It wraps mctr.ErrUnsupported.
func (c *Containerizer) checkIsolators(id mctr.ContainerID) error {
	names, err := c.prepared(id)
	if err != nil {
		return err
	}
	own := c.isolatorNames()
	lacking := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(own, name) })
	if len(lacking) == 0 {
		return nil
	}
	owner := "its owner"
	if r, err := c.handle(id).Record(); err == nil {
		owner = fmt.Sprintf("%q, its owner,", r.Config.Owner)
	}
	return fmt.Errorf("%w: this process has no isolator %s, which prepared container %s: %s or another process that "+
		"has it must clean up",
		mctr.ErrUnsupported, strings.Join(lacking, ", "), id.Short(), owner)
}
