// Package quota sets hard limits on what is written to a directory. It uses the best means of the
// directory's filesystem: project quotas of ext4 or XFS, a qgroup of btrfs, or else an ext4
// filesystem in a sparse file, mounted at the directory. A writer that exceeds a limit gets EDQUOT
// or ENOSPC.
//
//	means   limits         writer's error  df inside shows the limit
//	ext4    bytes, inodes  EDQUOT          yes
//	xfs     bytes, inodes  ENOSPC          yes
//	btrfs   bytes          EDQUOT          no
//	loop    bytes, inodes  ENOSPC          yes
//
// An overlayfs whose upper and work directories are both inside one limited directory is limited
// like the directory. They must not be in two limited directories: the kernel refuses to rename a
// file from one project to another (EXDEV), and overlayfs renames from work to upper.
//
// On disk, below Records: HASH.json, the record of a limited directory, HASH.lock, its lock, and
// ids.lock, which is held while a project id is chosen. A record is written durably before the
// kernel is changed. Beside a directory that loop limits: DIR.img, its filesystem, and during a
// shrink DIR.img.new. On btrfs the directory is a subvolume.
//
// In the kernel: with project quotas the limits of the id, and the id of each file in the directory
// and the flag to inherit it; with btrfs the limit of the subvolume's qgroup; with loop, while it
// is mounted, a loop device that ends with the mount. All but the mount survives a reboot. After a
// kill, Make, Change and Mount continue what was begun, and Remove undoes it.
//
// # What the limits do not cover
//
// ext4 does not bind a process with CAP_SYS_RESOURCE, in the initial user namespace, to project
// quotas. XFS does.
//
// In the initial user namespace, the owner of a file may give it another project id, and the owner
// of a directory may clear its flag to inherit the id. On btrfs, each user may make subvolumes and
// snapshots, which have qgroups of their own. [Means.Escapes] lists the requests of ioctl(2) to
// refuse by seccomp(2). file_setattr(2), which is newer than Linux 6.16, is to be refused too.
//
// The file of a loop is sparse: its blocks are allocated when they are written, and freed when files
// are deleted (mount option discard). If the disk below becomes full first, writes inside succeed
// until their data are written back, which fails with EIO, and the filesystem may become read-only
// until it is mounted again. The filesystem's own tables and journal count as part of its size.
package quota
