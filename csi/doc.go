// Package csi is the orchestrator's side of the Container Storage Interface 1.13
// (https://github.com/container-storage-interface/spec/blob/v1.13.0/spec.md): volumes of CSI plugins
// are made, attached to this node, staged and published to containers, and all of it is undone. This
// package is the nouns: volumes, their records, the requests and answers of the program mctr-csi, and
// the Runner that starts it. Package rpc speaks to plugins, and package lifecycle has the order of
// calls; only mctr-csi links them, and with them gRPC. An agent needs this package alone.
//
// A call to a plugin is made by a process of its own, mctr-csi, which takes one request on stdin and
// writes one answer to stdout: a plugin whose storage hangs cannot hang the agent, and a volume's
// release goes on after its caller has given up or died.
//
// On disk, below ROOT/csi:
//
//	plugins/NAME.json       where a plugin listens, see Registration
//	sockets/NAME/csi.sock   where a plugin listens that mctr runs
//	volumes/KEY.json        what is known of a volume, see Record; KEY is a hash of plugin, owner and name
//	volumes/KEY.lock        held by the process that works on the volume
//	snapshots/KEY.json      what is known of a snapshot, see Snapshot; beside it its lock
//	ids/HASH                the volume's name to which an id of a plugin belongs
//	staging/HASH            where a plugin stages a volume; HASH is of plugin, volume id and owner
//	targets/HASH/CONTAINER  where a plugin publishes a volume for a container; the plugin makes and removes it
//
// Records are readable by root alone, because mount flags may be secrets. They name secrets and never
// hold one. A record that a newer version has written is refused and left as it is.
//
// In the kernel: the mounts and devices that plugins make at these paths.
//
// Recovery: a record is written before the call that it describes, and what a call returns before the
// next call. A process that finds a volume half way repeats the call with the same arguments. What
// mountinfo shows and the record lacks is added to the record before a volume is unstaged. A record
// names the boot it is about: after a reboot a volume is neither staged nor published, but it is still
// attached to the node.
package csi
