package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// figures are percentiles in milliseconds.
type figures struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

// summarize keeps three digits of up to a minute.
func summarize(of []time.Duration) figures {
	h := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	for _, d := range of {
		_ = h.RecordValue(min(d.Microseconds(), h.HighestTrackableValue()))
	}
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return figures{P50: at(50), P90: at(90), P99: at(99)}
}

// A ratio is of two medians, with the interval that holds 95 of 100 bootstrap
// resamples. Both sides of a round stay together in a resample, since what
// disturbed the one most likely disturbed the other.
type ratio struct {
	Of   string  `json:"of"`
	To   string  `json:"to"`
	What string  `json:"what"`
	Mid  float64 `json:"ratio"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

const resamples = 2000

// paired compares a to b, which are of the same length.
func paired(a, b []time.Duration) ratio {
	if len(a) == 0 || len(a) != len(b) {
		return ratio{}
	}
	random := rand.New(rand.NewPCG(3, 4))
	ratios := make([]float64, resamples)
	x, y := make([]time.Duration, len(a)), make([]time.Duration, len(a))
	for i := range ratios {
		for j := range x {
			k := random.IntN(len(a))
			x[j], y[j] = a[k], b[k]
		}
		ratios[i] = median(x) / median(y)
	}
	slices.Sort(ratios)
	return ratio{
		Mid: median(slices.Clone(a)) / median(slices.Clone(b)),
		Low: ratios[resamples*25/1000], High: ratios[resamples*975/1000-1],
	}
}

// median sorts d.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]+d[(len(d)-1)/2]) / 2
}
