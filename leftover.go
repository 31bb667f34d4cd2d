package mctr

import "fmt"

// A Leftover is something on the host that no container accounts for.
type Leftover struct {
	Kind   string      `json:"kind"`   // process, cgroup, mount, netns, directory, lock, lease
	Object string      `json:"object"` // pid, path or name
	Owner  ContainerID `json:"owner"`  // the container it belonged to
	Why    string      `json:"why"`    // the evidence that it is ours and nobody's
	Undo   string      `json:"undo"`   // what reconcile does about it
}

func (l Leftover) String() string {
	return fmt.Sprintf("%s %s (container %s): %s; %s", l.Kind, l.Object, l.Owner, l.Why, l.Undo)
}
