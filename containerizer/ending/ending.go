// Package ending has containers exit: it asks them by signals, kills them, waits for them,
// has them released, and removes them; what is nested in a container exits before it, and the
// tasks of a group together.
//
// It keeps nothing on disk but what was asked for, in a container's state, and makes nothing
// in the kernel.
package ending

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
)

// An Ender ends the containers of one store.
type Ender struct {
	Store      *store.Store
	Shims      *shims.Shims
	Releaser   *release.Releaser
	Supervisor *supervise.Supervisor

	// CancelLaunch ends a launch that is under way in this process, if there is one.
	CancelLaunch func(id mctr.ContainerID)
}
