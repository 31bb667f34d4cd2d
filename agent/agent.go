// Package agent defines [API], the interface to the containers, images, networks and volumes of a host. It
// has two implementations: [Local] works on this host, with a containerizer in this process; the
// Client of package agent/client works on another host, through the operator API of its agent. A
// caller of the interface sees no difference between the two.
//
// Package agent/api has the messages of the operator API, and package agent/server serves it. This
// package creates nothing on disk or in the kernel itself; its containerizer, image store and
// networks do.
package agent

// An API has every operation on one host. Its methods may be called concurrently. Cancelling a
// context ends the call, but never a container that has started. Errors match the sentinels of
// package mctr and those of containerd's errdefs.
type API interface {
	Containers
	// Images returns the host's image store.
	Images() Images
	// Networks returns the host's CNI networks.
	Networks() Networks
	// Volumes returns the host's named volumes.
	Volumes() Volumes
	// Host returns the part of the API that describes the host.
	Host() Host
}
