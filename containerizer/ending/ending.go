// Package ending makes containers exit: it sends signals, kills, waits, has containers released,
// and removes them. What is nested in a container exits before it, and the tasks of a group exit
// together.
//
// On disk it records requests to stop, in a container's state. In the kernel it makes
// nothing.
package ending

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
)

// An Ender makes the containers of one store exit.
type Ender struct {
	Store      *store.Store
	Shims      *shims.Shims
	Releaser   *release.Releaser
	Supervisor *supervise.Supervisor

	// CancelLaunch cancels a launch that is under way in this process, if there is one.
	CancelLaunch func(id mctr.ContainerID)
}
