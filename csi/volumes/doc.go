// Package volumes makes volumes of CSI plugins named volumes of mctr: [Driver] is the VolumeDriver "csi",
// and publishes its volumes to containers and back.
//
// On disk: nothing of its own; package csi says what mctr-csi, which does every request, writes in
// ROOT/csi. In the kernel: a process of mctr-csi for each request, which may outlive its caller; and, from
// Share to Unshare, the mount that makes ROOT/csi shared where the host's mounts are not.
//
// Recovery: a record of package csi is written before each act. Held lists what records and mountinfo
// say is published, and Unpublish and Release undo it. A reboot ends everything but the attachment of a
// volume to this node: Stale lists such volumes.
package volumes
