package ociruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

func (r *runtime) ps(args []string) (int, error) {
	format := "table"
	f := newFlags("ps")
	stringVar(f, &format, "format", "f", "table or json")
	rest, err := parse(f, args, false) // the flags after the id belong to ps(1)
	if err == nil {
		err = count("ps", rest, 1, math.MaxInt)
	}
	if err != nil {
		return 1, err
	}
	c, err := r.load(rest[0])
	if err != nil {
		return 1, err
	}
	pids, err := c.Processes()
	switch {
	case err != nil:
		return 1, err
	case format == "json":
		return 0, json.NewEncoder(r.stdout).Encode(pids)
	case format == "table":
		return 0, r.psTable(pids, rest[1:])
	}
	return 1, fmt.Errorf("--format %s: want table or json", format)
}

// psTable prints the header of ps(1) and its lines about pids.
func (r *runtime) psTable(pids []int, options []string) error {
	if len(options) == 0 {
		options = []string{"-ef"}
	}
	out, err := exec.Command("ps", options...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps: %w: %s", err, out)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	column := slices.Index(strings.Fields(lines[0]), "PID")
	if column < 0 {
		return errors.New("ps shows no column PID (add one to its options)")
	}
	fmt.Fprintln(r.stdout, lines[0])
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		if pid, err := strconv.Atoi(fields[column]); err == nil && slices.Contains(pids, pid) {
			fmt.Fprintln(r.stdout, line)
		}
	}
	return nil
}
