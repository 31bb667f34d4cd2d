// Package agent is what callers do to containers, images, networks and their host,
// wherever these are: one interface, [API], which this process' own containerizer
// implements (see [Local]) and, through an agent's operator API, so does package
// agent/client. Verbs written for the interface behave alike with both.
//
// Package agent/api has the messages of the operator API, package agent/server serves
// it. This package creates nothing on disk or in the kernel that its containerizer,
// image store and networks do not.
package agent

// An API is everything that a caller can do on one host. Its methods may be called
// concurrently. A context ends the call and never a container that was started.
// Errors match the sentinels of package mctr, and those of containerd's errdefs.
type API interface {
	Containers
	// Images returns the host's image store.
	Images() Images
	// Networks returns the host's CNI networks.
	Networks() Networks
	// Host returns what answers questions about the host itself.
	Host() Host
}
