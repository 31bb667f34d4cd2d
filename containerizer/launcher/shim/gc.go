package shim

import (
	"math"
	"runtime/debug"
	"time"
)

// Most containers either exit soon, so that collecting the shim's garbage is wasted work, or run
// for long, so that the shim should be small.
const (
	gcGracePeriod = 2 * time.Second // after the start of the container
	gcMemoryLimit = 32 << 20        // bytes that trigger a collection even before
)

// deferGC disables the garbage collector up to gcMemoryLimit.
func deferGC() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(gcMemoryLimit)
}

// restoreGC collects the garbage, returns free memory to the kernel, and enables the collector.
func restoreGC() {
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetGCPercent(100)
	debug.FreeOSMemory()
}
