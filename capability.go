package mctr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
)

// defaultCapabilities are those that docker gives a container.
var defaultCapabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
}

// Capabilities returns those that the container's processes may have, as "CAP_..." names in the
// kernel's order. bounding, a bit set, is what the supervisor can give. As with docker, ALL stands
// for all of these, CapDrop removes from the default set, and CapAdd overrides CapDrop; CapDrop
// removes from CapAdd only if CapAdd is ALL. Unlike with docker, CapDrop also applies to a
// privileged container. The error wraps ErrInvalid for an unknown name, and ErrUnsupported for a
// capability that cannot be given.
func (s Security) Capabilities(bounding uint64) ([]string, error) {
	add, addAll, err := parseCapabilities("security.cap_add", s.CapAdd)
	if err != nil {
		return nil, err
	}
	drop, dropAll, err := parseCapabilities("security.cap_drop", s.CapDrop)
	if err != nil {
		return nil, err
	}
	var caps []string
	for _, known := range capability.ListKnown() { // in the order of their numbers
		name := strings.ToUpper(known.String())
		wanted := add[name] || !drop[name] && !dropAll && slices.Contains(defaultCapabilities, name)
		if s.Privileged || addAll {
			wanted = !drop[name]
		}
		given := bounding&(1<<known) != 0
		switch {
		case wanted && given:
			caps = append(caps, "CAP_"+name)
		case wanted && add[name]:
			return nil, &UnsupportedError{Feature: "security.cap_add " + name, Why: "mctr runs without CAP_" + name}
		}
	}
	return caps, nil
}

func parseCapabilities(field string, names []string) (set map[string]bool, all bool, err error) {
	set = map[string]bool{}
	for _, name := range names {
		short := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		is := func(known capability.Cap) bool { return strings.ToUpper(known.String()) == short }
		switch {
		case short == "ALL":
			all = true
		case slices.ContainsFunc(capability.ListKnown(), is):
			set[short] = true
		default:
			return nil, false, fmt.Errorf("%w: %s %s: unknown capability (see capabilities(7))", ErrInvalid, field,
				name)
		}
	}
	return set, all, nil
}
