package usage

import "github.com/mctr/mctr"

// Pids reads the number of processes and threads, including the groups below.
func (m *Meter) Pids(group string, u *mctr.Usage) {
	f := m.files("pids", group)
	defer m.done(f)
	u.Pids, u.PidsLimit = f.count("pids.current"), f.count("pids.max")
}
