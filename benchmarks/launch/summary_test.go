package main

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

func TestSummarize(t *testing.T) {
	var list []time.Duration
	for i := 1; i <= 100; i++ {
		list = append(list, time.Duration(i)*time.Millisecond)
	}
	got := summarize(list)
	for _, c := range []struct{ got, want float64 }{{got.P50, 50}, {got.P90, 90}, {got.P99, 99}} {
		if c.got < c.want*0.995 || c.got > c.want*1.005 {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if (summarize(nil) != figures{}) {
		t.Error("nothing has figures")
	}
}
