package containerizer

import (
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// checkOptions returns an error for options with which the first launch would fail, or with
// which launched containers could not be found again. It wraps mctr.ErrInvalid.
func checkOptions(c *Containerizer) error {
	root, state := c.store.Root, c.store.State
	switch {
	case !filepath.IsAbs(root) || !filepath.IsAbs(state):
		return fmt.Errorf("%w: WithDirs(%q, %q): absolute paths are wanted", mctr.ErrInvalid, root, state)
	case filepath.Clean(root) != root || filepath.Clean(state) != state || root == "/" || state == "/":
		return fmt.Errorf("%w: WithDirs(%q, %q): paths of directories below / are wanted, as filepath.Clean gives them",
			mctr.ErrInvalid, root, state)
	case root == state:
		return fmt.Errorf("%w: WithDirs: ROOT and STATE are both %s", mctr.ErrInvalid, root)
	case len(c.isolators) == 0:
		return fmt.Errorf("%w: no isolators: WithIsolators(builtin.Table(deps)) sets them", mctr.ErrInvalid)
	case !isFile(c.launcher.Shim):
		return fmt.Errorf("%w: WithShim(%q): no such program (make build makes it)", mctr.ErrNotFound, c.launcher.Shim)
	case c.owner == "":
		return fmt.Errorf("%w: WithOwner: an empty name", mctr.ErrInvalid)
	}
	return checkTable(c)
}

// checkTable returns an error unless every isolator has a unique name and was made for this ROOT and STATE.
func checkTable(c *Containerizer) error {
	seen := map[string]bool{}
	for n, i := range c.isolators {
		guarded, _ := i.(*guarded)
		if guarded == nil || guarded.Isolator == nil {
			return fmt.Errorf("%w: WithIsolators: number %d is nil", mctr.ErrInvalid, n)
		}
		name := i.Name()
		if name == "" || seen[name] {
			return fmt.Errorf("%w: WithIsolators: number %d is called %q: a name of its own is wanted", mctr.ErrInvalid,
				n, name)
		}
		seen[name] = true
		placed, ok := guarded.Isolator.(isolators.DirectoryBound)
		if !ok {
			continue
		}
		if root, state := placed.Directories(); root != c.store.Root || state != c.store.State {
			return fmt.Errorf(
				"%w: WithIsolators: the table was made for root %q and state %q, the containerizer has %q and %q: "+
					"give builtin.Deps and WithDirs the same", mctr.ErrInvalid, root, state, c.store.Root,
				c.store.State)
		}
	}
	return nil
}
