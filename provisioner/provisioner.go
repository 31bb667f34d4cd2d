// Package provisioner brings images to disk and makes root filesystems of them:
// a reference leads to verified, unpacked layers in a store ([store]), fetched
// by [puller] and unpacked by [layer]; a [backend] makes a tree of them.
//
// Launch: Lease (find or pull, then hold), Mount; on the way back Unmount and
// Release.
// On disk: ROOT/images, as package store says, and in each container's own
// directory what its backend says. In the kernel: one mount a container, and
// locks while a call runs.
// Recovery: none needed after a kill; Leases tells an agent which holders it no
// longer knows, and Release drops them.
//
// Spec: OCI image-spec 1.1, distribution-spec 1.1. Mesos: provisioner/, whose
// stores verified no digest and knew no index.
package provisioner

import (
	"path/filepath"

	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
	"github.com/mctr/mctr/provisioner/backend/overlay"
	"github.com/mctr/mctr/provisioner/store"
)

// A Provisioner is safe for concurrent use; any number of processes may work on
// one root.
type Provisioner struct {
	store    *store.Store
	settings settings
	backends []backend.Backend // to be tried in this order
}

// New returns a provisioner that keeps its images beneath root/images. It
// touches no file.
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
