package cni

import (
	"cmp"
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// Recover reports attachments and pinned namespaces of unknown containers, and attachments of
// exited containers that could not be detached.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	_ mctr.HandleOf) ([]mctr.Leftover, error) {
	phases, namespaces := map[mctr.ContainerID]mctr.Phase{}, map[string]bool{}
	for _, k := range known {
		phases[k.ID], namespaces[i.networks.Namespace(k.ID)] = k.Phase, true
	}
	all, err := i.networks.Attachments()
	var found []mctr.Leftover
	for _, a := range all {
		namespaces[i.networks.Namespace(a.Container)] = true
		if phase, ok := phases[a.Container]; ok && (phase != mctr.Exited || a.Failure == "") {
			continue
		}
		found = append(found, leftover(a))
	}
	pins, pinErr := i.networks.Pins()
	for _, path := range pins {
		if !namespaces[path] {
			found = append(found,
				mctr.Leftover{Kind: "netns", Object: path, Why: "no container has it", Undo: "unmount and remove it"})
		}
	}
	return found, cmp.Or(err, pinErr)
}

// Undo unpins a namespace that belongs to no container.
func (i *isolator) Undo(_ context.Context, l mctr.Leftover) error {
	if l.Kind != "netns" {
		return fmt.Errorf("%w: undo a leftover of kind %s", mctr.ErrUnsupported, l.Kind)
	}
	return i.networks.UnpinStray(l.Object)
}

func leftover(a *cni.Attachment) mctr.Leftover {
	l := mctr.Leftover{Kind: "network", Object: fmt.Sprintf("%s in %s", a.Interface, a.Network), Owner: a.Container,
		Why: "its container does not exist", Undo: "ask its plugins for DEL"}
	if a.Result != nil {
		for _, p := range a.Result.Addresses {
			l.Object += fmt.Sprintf(" (%v)", p)
		}
	}
	if a.Failure != "" {
		l.Why = a.Failure
	}
	return l
}
