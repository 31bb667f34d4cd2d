// Package cephfs mounts CephFS for containers. Containers of one STATE that want the same filesystem,
// directory, client and options share a mount. Each operation that may hang runs in mctr-helper with
// a deadline; this process itself never touches a path on a mount, it only reads mountinfo.
//
// The kernel's client mounts where /proc/filesystems has ceph, else ceph-fuse. ceph-fuse is in a
// session and a control group of its own, outside of the containers' and the caller's, and in the mount
// namespace of the caller, in which its mount must be. It outlives the caller and the container; no
// other process of mctr watches it. Mounts are nosuid and nodev.
//
// On disk, below STATE/cephfs: HASH.lock for each [Spec], and a directory HASH-N for each mount of it:
//
//	mount.json   the record, which is written before each step
//	root         the mount point
//	holders      a symbolic link for each container that has the mount, which leads to its id
//	log          what ceph-fuse says
//	alive        a file that ceph-fuse has open, by which it is found if its pid was not recorded
//	sock         its administration socket, unless the path is too long for one
//
// In the kernel: the mount, ceph-fuse and its control group. All of it survives this process. A reboot
// ends it, and voids STATE.
//
// A mount whose client has died, or was evicted by the cluster, stays dead, also in the containers that
// have it: these must be started again. [Mounts.Acquire] makes a new mount beside it. A mount whose
// cluster does not answer may recover by itself.
//
// Linux: Documentation/filesystems/fuse.rst, "Interrupting" and "Aborting", and ceph.rst. Ceph:
// ceph-fuse(8), mount.ceph(8).
package cephfs
