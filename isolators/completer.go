package isolators

import (
	"context"

	"github.com/mctr/mctr"
)

// A Completer is an Isolator with a default that depends on the host. It is asked before a
// container is recorded, so that the record says what the container got, and a later start
// does not get something else.
type Completer interface {
	// Complete fills in what config leaves to the default. The note says what the
	// container lacks because the host cannot give it the usual default; "": nothing.
	Complete(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig) (note string, err error)
}
