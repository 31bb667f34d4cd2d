package main

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// figures are percentiles in milliseconds.
type figures struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

// summarize computes the percentiles with three digits. It caps a duration at a minute.
func summarize(of []time.Duration) figures {
	h := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	for _, d := range of {
		_ = h.RecordValue(min(d.Microseconds(), h.HighestTrackableValue()))
	}
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return figures{P50: at(50), P90: at(90), P99: at(99)}
}
