package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

// A report has the fields of iperf3's JSON that count.
type report struct {
	Error string `json:"error"`
	End   struct {
		Received struct {
			Seconds float64 `json:"seconds"`
			Bytes   int64   `json:"bytes"`
			Bits    float64 `json:"bits_per_second"`
		} `json:"sum_received"`
	} `json:"end"`
}

// stream lets iperf3 send as much as possible.
func stream(ctx context.Context, t *Task) (*Result, error) {
	seconds := strconv.FormatFloat(max(t.Duration.Seconds(), 1), 'f', 0, 64)
	cmd := exec.CommandContext(ctx, "iperf3", "--client", t.Target, "--port", strconv.Itoa(t.Ports.Stream), "--time",
		seconds, "--parallel", strconv.Itoa(t.Conns), "--json", "--connect-timeout", "1000")
	out, err := cmd.Output()
	r := &report{}
	if jsonErr := json.Unmarshal(out, r); jsonErr != nil {
		return nil, errors.Join(fmt.Errorf("iperf3 to %s: %w", t.Target, jsonErr), err)
	}
	if r.Error != "" || r.End.Received.Bytes == 0 {
		return nil, fmt.Errorf("iperf3 to %s: %w: %s", t.Target, ErrNothing, r.Error)
	}
	got := r.End.Received
	return &Result{Transactions: 1, Seconds: got.Seconds, Gbits: got.Bits / 1e9, Bytes: got.Bytes}, nil
}
