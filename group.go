package mctr

import (
	"fmt"
	"maps"
	"slices"
)

// A Group is tasks that live and die together: containers nested in a root that
// has no command of its own and holds their ipc, uts and network namespaces.
type Group struct {
	// Root is the root's config: name, network, hostname, namespaces, volumes. Its
	// process stays empty.
	Root ContainerConfig `json:"root"`
	// Resources limit the tasks together; the root's GroupResources by another name.
	Resources Resources `json:"resources,omitzero"`
	// Tasks are the nested containers, by the last part of their id.
	Tasks map[string]ContainerConfig `json:"tasks"`
}

// Validate returns an error for a group that is not valid.
func (g *Group) Validate() error {
	if len(g.Tasks) == 0 {
		return fmt.Errorf("%w: a group without tasks", ErrInvalid)
	}
	p := g.Root.Process
	if len(p.Args) > 0 || len(p.Tasks) > 0 || p.Entrypoint != nil || p.Init || g.Root.Image != "" {
		return fmt.Errorf("%w: the root of a group has neither an image nor a command", ErrInvalid)
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if !validPart(name) {
			return fmt.Errorf("%w: task %q: a name must be [a-zA-Z0-9][a-zA-Z0-9_-]*", ErrInvalid, name)
		}
		if task.Process.Pause || len(task.Process.Tasks) > 0 {
			return fmt.Errorf("%w: task %s: a group in a group", ErrInvalid, name)
		}
	}
	return nil
}

// Names are the tasks' names, sorted.
func (g *Group) Names() []string { return slices.Sorted(maps.Keys(g.Tasks)) }
