package compare

import (
	"testing"
	"time"
)

func ms(values ...int) (list []time.Duration) {
	for _, v := range values {
		list = append(list, time.Duration(v)*time.Millisecond)
	}
	return list
}

// TestPaired checks that the interval contains the true ratio, and that pairing removes the effect
// of a machine that slows both contenders.
func TestPaired(t *testing.T) {
	b := ms(10, 11, 10, 50, 10, 12, 90, 10, 11, 10, 10, 30, 10, 11, 10, 10)
	a := make([]time.Duration, len(b))
	for i := range b {
		a[i] = 2 * b[i]
	}
	if q := Paired(a, b); q.Mid != 2 || q.Low > 2 || q.High < 2 || q.High-q.Low > 0.5 {
		t.Errorf("twice as slow: %+v", q)
	}
	if q := Paired(b, b); q.Mid != 1 || q.Low != 1 || q.High != 1 {
		t.Errorf("the same: %+v", q)
	}
	if q := Paired(a, b[1:]); q != (Ratio{}) {
		t.Errorf("no pairs: %+v", q)
	}
}

func TestMedianOfFewAndMany(t *testing.T) {
	for want, list := range map[time.Duration][]time.Duration{2: {3, 2, 1}, 5: {4, 6, 1, 9}} {
		if got := Median(list); got != float64(want) {
			t.Errorf("median %v, want %v", got, want)
		}
	}
}
