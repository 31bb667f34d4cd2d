package cni

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
)

// DefaultDNS is what the attachment's network gives containers whose plugins name
// no servers: the list's "mctr": {"dns": ...}, as it stood at ADD.
func (n *Networks) DefaultDNS(a *Attachment) mctr.DNS {
	list, err := networks.Parse(a.Config)
	if err != nil || list.Definition == nil {
		return mctr.DNS{}
	}
	return list.Definition.DNS
}
