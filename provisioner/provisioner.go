// Package provisioner fetches images and makes root filesystems from them. A
// reference leads to verified, unpacked layers in a store ([store]): [puller]
// fetches them, [layer] unpacks them, and a [backend] combines them into one tree.
//
// Launch: Lease (find or pull the image, then hold it) and Mount; at the end
// Unmount and Release.
// On disk: ROOT/images, as package store describes, and the backend's files in
// each container's own directory. In the kernel: one mount for each container, and
// file locks while a call runs.
// Recovery: none is needed after a kill. Leases shows an agent which holders it no
// longer knows, and Release drops their leases.
//
// Spec: OCI image-spec 1.1, distribution-spec 1.1. Mesos: provisioner/, whose
// stores verified no digest and did not support indexes.
package provisioner

import (
	"path/filepath"

	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
	"github.com/mctr/mctr/provisioner/backend/overlay"
	"github.com/mctr/mctr/provisioner/store"
)

// A Provisioner pulls, stores and mounts images. It is safe for concurrent use; any
// number of processes may work on one root.
type Provisioner struct {
	store    *store.Store
	settings settings
	backends []backend.Backend // tried in this order
}

// New returns a provisioner that keeps its images in root/images. It touches no
// file.
func New(root string, opts ...Option) (*Provisioner, error) {
	s := settings{hostsDirs: []string{"/etc/mctr/certs.d", "/etc/containerd/certs.d"}, concurrency: 3}
	for _, o := range opts {
		if err := o(&s); err != nil {
			return nil, err
		}
	}
	p := &Provisioner{store: store.New(filepath.Join(root, "images")), settings: s}
	switch s.backend {
	case "overlay":
		p.backends = []backend.Backend{overlay.New()}
	case "copy":
		p.backends = []backend.Backend{copy.New()}
	default:
		p.backends = []backend.Backend{overlay.New(), copy.New()}
	}
	return p, nil
}
