package usage

import (
	"bytes"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// IO reads the bytes read and written, summed over all devices and over the groups below.
func (m *Meter) IO(group string, u *mctr.Usage) {
	if cgroup.Unified() {
		f := m.files("io", group)
		defer m.done(f)
		u.ReadBytes, u.WriteBytes = sum(f.read("io.stat"))
		u.IOPressure = f.pressure("io.pressure")
		return
	}
	f := m.files("blkio", group)
	defer m.done(f)
	u.ReadBytes, u.WriteBytes = sum(f.read("blkio.throttle.io_service_bytes_recursive"))
}

// sum parses both formats: v1's "8:0 Read 4096" and v2's "8:0 rbytes=4096 wbytes=0".
func sum(text []byte) (read, written uint64) {
	for line := range bytes.Lines(text) {
		before := []byte(nil)
		for field := range bytes.FieldsSeq(line) {
			key, value, keyed := bytes.Cut(field, []byte("="))
			if !keyed {
				key, value, before = before, field, field
			}
			n, _ := parse(value)
			switch string(key) {
			case "Read", "rbytes":
				read += n
			case "Write", "wbytes":
				written += n
			}
		}
	}
	return read, written
}
