// Package loopdriver is a small CSI 1.13 plugin on image files, loop devices and ext4, for tests and
// for measurements of everything that speaks CSI: it really formats, attaches and mounts, it can be
// made to lack any optional capability, and it fails on command. csi-sanity proves that it conforms.
//
// It serves the Identity, Controller and Node services of one node: volumes of both access types,
// attachment (a record that the volume may be used on the node), staging, snapshots, clones,
// expansion, statistics, health, one segment of topology, modification, and all access modes, as far
// as one node can tell them apart. A snapshot is a copy of the image after a syncfs(2). A mounted
// filesystem is expanded online only with CAP_SYS_RESOURCE, which the kernel wants for it; else at
// its next staging.
//
// On disk, in one directory that belongs to the plugin:
//
//	volumes/ID.json    the record of a volume: what it is, where it is attached, staged and published
//	volumes/ID.img     its image, sparse; with bind only, volumes/ID/ is the volume itself
//	snapshots/ID.json  the record of a snapshot, and snapshots/ID.img its image
//	mounts/ID          where a volume is mounted if the plugin has no staging
//	faults.json        what is to fail, see Fault; health.json what is ill, see Ailment
//	calls.jsonl        one line for each answered call, see Call
//
// In the kernel: a loop device for each volume in use, and the mounts that were asked for. Mounts and
// devices survive the death of the plugin, which finds them again in mountinfo and sysfs. A record is
// written before the act that it describes, so that a call that was cut off by SIGKILL succeeds when
// it is repeated. Records survive a reboot; what they say about mounts is believed only if mountinfo
// says so too.
package loopdriver
