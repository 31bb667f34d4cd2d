package mctr

import "fmt"

// A Leftover is something on the host that belongs to no living container.
type Leftover struct {
	Kind   string      `json:"kind"`   // process, cgroup, mount, netns, directory, lock, lease
	Object string      `json:"object"` // pid, path or name
	Owner  ContainerID `json:"owner"`  // the container it belonged to
	Why    string      `json:"why"`    // the evidence that it is mctr's, and of no living container
	Undo   string      `json:"undo"`   // what reconcile does with it
	// Isolator is the isolator that reported it, "" for the containerizer itself.
	Isolator string `json:"isolator,omitempty"`
}

func (l Leftover) String() string {
	of := "of no container"
	if l.Owner != "" {
		of = "container " + string(l.Owner)
	}
	return fmt.Sprintf("%s %s (%s): %s; %s", l.Kind, l.Object, of, l.Why, l.Undo)
}
