// Package compare runs contenders in turns and compares their figures. Besides
// [RemoveState], which cleans up after a bench, it changes nothing.
package compare

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A Ratio is the ratio of two medians, with the interval that contains 95 of 100 bootstrap
// resamples. The two figures of a round stay together in a resample, because a disturbance most
// likely affects both.
type Ratio struct {
	Of   string  `json:"of"`
	To   string  `json:"to"`
	What string  `json:"what"`
	Mid  float64 `json:"ratio"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

const resamples = 2000

// Paired compares a to b, which have the same length.
func Paired[T time.Duration | float64](a, b []T) Ratio {
	if len(a) == 0 || len(a) != len(b) {
		return Ratio{}
	}
	random := rand.New(rand.NewPCG(3, 4))
	ratios := make([]float64, resamples)
	x, y := make([]T, len(a)), make([]T, len(a))
	for i := range ratios {
		for j := range x {
			k := random.IntN(len(a))
			x[j], y[j] = a[k], b[k]
		}
		ratios[i] = Median(x) / Median(y)
	}
	slices.Sort(ratios)
	return Ratio{
		Mid: Median(slices.Clone(a)) / Median(slices.Clone(b)),
		Low: ratios[resamples*25/1000], High: ratios[resamples*975/1000-1],
	}
}

// Median sorts d and returns its median; d must not be empty.
func Median[T time.Duration | float64](d []T) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]+d[(len(d)-1)/2]) / 2
}
