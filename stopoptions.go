package mctr

import (
	"time"

	"golang.org/x/sys/unix"
)

// StopOptions say how a container is stopped. The zero value is the container's own way.
type StopOptions struct {
	Signal  unix.Signal    // to ask with; 0: the container's own
	Timeout *time.Duration // before the container is destroyed; nil: the container's own; negative: it never is
}
