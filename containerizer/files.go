package containerizer

import "github.com/mctr/mctr/containerizer/rootfs"

// CopyOptions say how to copy.
type CopyOptions = rootfs.CopyOptions

// A PathStat describes what a path in a container resolves to.
type PathStat = rootfs.PathStat

// DiskUsage is the disk space of a container, in bytes.
type DiskUsage = rootfs.DiskUsage
