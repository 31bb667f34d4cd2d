package usage

import (
	"bytes"
	"strconv"

	"github.com/mctr/mctr"
)

// pressure reads a file of pressure stall information. It returns nil if there is none, or if the
// kernel was booted without it (psi=0).
func (f *files) pressure(name string) *mctr.Pressure { return pressure(f.read(name)) }

// pressure parses lines like "some avg10=0.12 avg60=0.03 avg300=0.00 total=123456", with the total
// in microseconds.
func pressure(text []byte) *mctr.Pressure {
	var some, full *mctr.Stall
	for line := range bytes.Lines(text) {
		kind, rest, _ := bytes.Cut(line, []byte(" "))
		switch string(kind) {
		case "some":
			some = stall(rest)
		case "full":
			full = stall(rest)
		}
	}
	if some == nil {
		return nil
	}
	return &mctr.Pressure{Some: *some, Full: full}
}

// stall parses the fields of a line. It returns nil if one of the two figures is missing.
func stall(fields []byte) *mctr.Stall {
	s, found := &mctr.Stall{}, 0
	for field := range bytes.FieldsSeq(fields) {
		key, value, _ := bytes.Cut(field, []byte("="))
		var err error
		switch string(key) {
		case "avg10":
			s.Avg10, err = strconv.ParseFloat(string(value), 64)
		case "total":
			s.TotalNanos, err = strconv.ParseUint(string(value), 10, 64)
			s.TotalNanos *= 1000
		default:
			continue
		}
		if err == nil {
			found++
		}
	}
	if found != 2 {
		return nil
	}
	return s
}
