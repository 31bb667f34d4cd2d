package mctr

import (
	"fmt"
	"strconv"
	"strings"
)

// A ListenPolicy says on which TCP ports a container may listen: those assigned to
// it, where containers share the host's network and its ports are a resource.
type ListenPolicy struct {
	Ports []PortRange `json:"ports"` // empty: none
	// the container that listens on another; otherwise it is reported
	End      bool     `json:"end,omitempty"`
	Interval Duration `json:"interval,omitempty"` // of looking; 0 is 10 s
}

// Allows reports whether port is one of those.
func (l *ListenPolicy) Allows(port uint16) bool {
	for _, r := range l.Ports {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

// A PortRange is the ports from First to Last.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// PortRanges is how a list of them is shown.
func PortRanges(ranges []PortRange) string {
	if len(ranges) == 0 {
		return "none"
	}
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}
