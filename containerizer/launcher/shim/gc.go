package shim

import (
	"math"
	"runtime/debug"
	"time"
)

// Most containers either end soon, and then their shim's garbage was not worth
// a collection, or go on for long, and then their shim is to be small.
const (
	gcGracePeriod = 2 * time.Second // of a started container; then its shim tidies up
	gcMemoryLimit = 32 << 20        // bytes that make the collector run before
)

// deferGC puts collection off.
func deferGC() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(gcMemoryLimit)
}

// restoreGC collects what there is, gives free memory back, and goes on as usual.
func restoreGC() {
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetGCPercent(100)
	debug.FreeOSMemory()
}
