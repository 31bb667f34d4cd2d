package shim

import (
	"testing"
	"time"
)

// TestWatchNext wants increasing pauses for a command that cannot run.
func TestWatchNext(t *testing.T) {
	pause := watchDelay
	var all time.Duration
	for range 100 {
		pause = nextWatchPause(pause, 0)
		all += pause
	}
	if all < 90*time.Minute || pause != longestWatchPause {
		t.Errorf("100 runs take %v, the last pause is %v", all, pause)
	}
	if got := nextWatchPause(longestWatchPause, time.Hour); got != shortestWatchPause {
		t.Errorf("after one that lasted: %v", got)
	}
}
