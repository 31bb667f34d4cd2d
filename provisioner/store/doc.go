// Package store keeps images on disk: verified blobs, unpacked layers, the records of references,
// and the leases that protect images in use. Any number of processes share one store without a
// daemon.
//
// On disk, beneath ROOT/images (0700):
//
//	lock                     flock: shared by provisioning, exclusive for removal
//	locks/<object>           flock: one blob or layer that is being written
//	blobs/<alg>/<hex>        content whose digest was verified
//	layers/<key>/fs          an unpacked layer in overlayfs form (see [Layer])
//	layers/<key>/layer.json  the [Layer]
//	refs/<hash>              the record of a reference: JSON of an [Image]
//	leases/<holder>          a hard link to the record of the image that the holder uses
//	tmp/                     work in progress and trash; its content is not trusted
//
// Every file is written under a temporary name, synced, and renamed. A lease is one link(2) and is
// not synced, because its holder does not survive a loss of power either.
//
// In the kernel: advisory locks during a call, nothing else.
//
// Recovery: none needed. Leftovers of a killed process are in tmp and locks: the next pull of the
// same blob continues its download, and [Store.Sweep] removes the rest.
package store
