package usage

import (
	"bytes"

	"github.com/mctr/mctr"
)

// interfacesFile is the file of a network namespace that is kept open.
var interfacesFile = key{name: "net/dev"}

// Network reads the counters of the interfaces in the group's network namespace (proc(5),
// /proc/[pid]/net/dev). It calls open to open that file, unless it is open already. It returns nil
// if there is none or open fails.
func (m *Meter) Network(group string, open func() (int, error)) []mctr.NetworkUsage {
	f := m.files("pids", group)
	defer m.done(f)
	if f.read("pids.current") == nil { // the group was removed: do not trust the kept file
		return interfaces(f.once(open))
	}
	return interfaces(f.kept.read(f, interfacesFile, open))
}

// interfaces parses lines of a name, a colon, and eight counters each way, after two lines of
// headings.
func interfaces(text []byte) []mctr.NetworkUsage {
	var list []mctr.NetworkUsage
	for line := range bytes.Lines(text) {
		// The name of an alias contains a colon; counters do not.
		i := bytes.LastIndexByte(line, ':')
		if i < 0 {
			continue
		}
		n, ok := counters(line[i+1:])
		if !ok {
			continue
		}
		list = append(list, mctr.NetworkUsage{
			Name:    string(bytes.TrimSpace(line[:i])),
			RxBytes: n[0], RxPackets: n[1], RxErrors: n[2], RxDropped: n[3],
			TxBytes: n[8], TxPackets: n[9], TxErrors: n[10], TxDropped: n[11],
		})
	}
	return list
}

func counters(text []byte) (n [16]uint64, ok bool) {
	i := 0
	for field := range bytes.FieldsSeq(text) {
		if i == len(n) {
			break
		}
		if n[i], ok = parse(field); !ok {
			return n, false
		}
		i++
	}
	return n, i == len(n)
}
