package mctr

import (
	"time"

	"golang.org/x/sys/unix"
)

// StopOptions say how a container is stopped. The zero value means the container's own options.
type StopOptions struct {
	Signal  unix.Signal    // the request to exit; 0: the container's own
	Timeout *time.Duration // before the container is destroyed; nil: the container's own; negative: never
}
