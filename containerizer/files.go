package containerizer

import "github.com/mctr/mctr/containerizer/rootfs"

// CopyOptions say how to copy.
type CopyOptions = rootfs.CopyOptions

// A PathStat is what a path in a container leads to.
type PathStat = rootfs.PathStat

// DiskUsage is what a container takes on disk, in bytes.
type DiskUsage = rootfs.DiskUsage
