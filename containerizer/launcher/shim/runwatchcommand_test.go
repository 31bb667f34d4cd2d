package shim

import (
	"testing"
	"time"
)

// TestWatchNext wants increasing pauses for a command that cannot run.
func TestWatchNext(t *testing.T) {
	pause := watchSoon
	var all time.Duration
	for range 100 {
		pause = watchNext(pause, 0)
		all += pause
	}
	if all < 90*time.Minute || pause != watchMost {
		t.Errorf("100 runs take %v, the last pause is %v", all, pause)
	}
	if got := watchNext(watchMost, time.Hour); got != watchAgain {
		t.Errorf("after one that lasted: %v", got)
	}
}
