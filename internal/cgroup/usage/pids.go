package usage

import "github.com/mctr/mctr"

// Pids counts processes and threads, of the groups below too.
func (m *Meter) Pids(group string, u *mctr.Usage) {
	f := m.files("pids", group)
	defer m.done(f)
	u.Pids, u.PidsLimit = f.count("pids.current"), f.count("pids.max")
}
