package usage

import "github.com/mctr/mctr"

// Pids counts processes and threads, of the groups below too.
func Pids(group string, u *mctr.Usage) {
	f := of("pids", group)
	u.Pids, u.PidsLimit = f.count("pids.current"), f.count("pids.max")
}
