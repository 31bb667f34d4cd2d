// Package store keeps images on disk: verified blobs, unpacked layers, the
// records that references lead to, and the leases that hold them. Any number of
// processes share one store without a daemon.
//
// On disk, beneath ROOT/images (0700):
//
//	lock                     flock: shared by provisioning, exclusive for removal
//	locks/<object>           flock: one blob or layer that is being made
//	blobs/<alg>/<hex>        content that has been checked against its digest
//	layers/<key>/fs          an unpacked layer in overlayfs form (see [Layer])
//	layers/<key>/layer.json  what is known of it
//	refs/<hash>              the record of a reference: JSON of an [Image]
//	leases/<holder>          a hard link to such a record: what the holder uses
//	tmp/                     work in progress and trash; nothing in it is believed
//
// Everything is written under a temporary name, synced, and renamed; a lease is
// one link(2) and not synced, since its holder does not outlive a loss of power.
//
// In the kernel: advisory locks while a call runs, nothing else.
//
// Recovery: none needed. What a killed process left lies in tmp and locks, where
// the next pull of the same blob continues it and [Store.Sweep] removes it.
package store
