// Package ps shows processes with ps(1), which supports every column that users know. It creates
// nothing.
package ps

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// Table returns the output of ps for these processes of this host, with options or else with -f.
func Table(ctx context.Context, pids []int, options ...string) ([]byte, error) {
	list := make([]string, len(pids))
	for i, pid := range pids {
		list[i] = strconv.Itoa(pid)
	}
	if len(options) == 0 {
		options = []string{"-f"}
	}
	var out, complaint bytes.Buffer
	ps := exec.CommandContext(ctx, "ps", append(options[:len(options):len(options)], "-p", strings.Join(list, ","))...)
	ps.Stdout, ps.Stderr = &out, &complaint
	if err := ps.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n") // the usage of ps follows
		return nil, fmt.Errorf("ps: %w: %s", err, first)
	}
	return out.Bytes(), nil
}
