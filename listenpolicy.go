package mctr

import (
	"fmt"
	"strconv"
	"strings"
)

// A ListenPolicy says on which TCP ports a container may listen. It is for containers that share the
// host's network, whose ports are a resource.
type ListenPolicy struct {
	Ports []PortRange `json:"ports"` // empty: none
	// End ends a container that listens on another port; otherwise that is reported.
	End      bool     `json:"end,omitempty"`
	Interval Duration `json:"interval,omitempty"` // between two looks; 0 is 10 s
}

// Allows returns true if the policy has the port.
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

// PortRanges returns the text for a list of ranges.
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
