package cni

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mctr/mctr"
)

// Details are what is known of a network, and who is attached to it.
type Details struct {
	Name       string                        `json:"name"`
	File       string                        `json:"file"`
	CNIVersion string                        `json:"cni_version"`
	Plugins    []string                      `json:"plugins"`              // their types, in order
	Definition *Definition                   `json:"definition,omitempty"` // of one that mctr made
	Config     json.RawMessage               `json:"config"`               // as CNI has it
	Containers map[mctr.ContainerID][]Member `json:"containers"`
	Usable     string                        `json:"usable,omitempty"` // why a container could not have it
}

// A Member is an interface of a container's in a network.
type Member struct {
	Interface string      `json:"interface"`
	State     string      `json:"state"`
	Addresses []string    `json:"addresses"`
	MAC       string      `json:"mac"`
	Ports     []mctr.Port `json:"ports,omitempty"`
	Failure   string      `json:"failure,omitempty"` // of the last DEL
}

// Details tells everything of the network called name.
func (n *Networks) Details(name string) (*Details, error) {
	network, err := n.Find(name)
	if err != nil {
		return nil, err
	}
	all, err := n.Attachments()
	d := n.details(network, all)
	return &d, err
}

// List is the details of every network. It goes on past files and records that
// cannot be read, and returns those joined.
func (n *Networks) List() ([]Details, error) {
	all, broken := n.All()
	attachments, err := n.Attachments()
	list := make([]Details, len(all))
	for i, network := range all {
		list[i] = n.details(network, attachments)
	}
	return list, errors.Join(broken, err)
}

func (n *Networks) details(network *Network, attachments []*Attachment) Details {
	d := Details{
		Name: network.Name, File: network.File, CNIVersion: network.Version(), Plugins: network.Plugins(),
		Definition: network.Definition, Config: network.Bytes(), Containers: map[mctr.ContainerID][]Member{},
	}
	if err := n.Usable(network); err != nil {
		d.Usable = err.Error()
	}
	for _, a := range attachments {
		if a.Network == network.Name {
			d.Containers[a.Container] = append(d.Containers[a.Container], a.member())
		}
	}
	return d
}

func (a *Attachment) member() Member {
	m := Member{Interface: a.Interface, State: a.State, Ports: a.Ports, Failure: a.Failure}
	if a.Result != nil {
		m.MAC = a.Result.MAC
		for _, p := range a.Result.Addresses {
			m.Addresses = append(m.Addresses, p.String())
		}
	}
	return m
}

// A CheckResult is what the plugins say of an interface of a container's.
type CheckResult struct {
	Interface string `json:"interface"`
	Network   string `json:"network"`
	Problem   string `json:"problem,omitempty"` // "": none
}

// CheckAll asks for Check of all attachments of id, in their order.
func (n *Networks) CheckAll(ctx context.Context, id mctr.ContainerID) ([]CheckResult, error) {
	attachments, err := n.AttachmentsOf(id)
	all := make([]CheckResult, len(attachments))
	for i, a := range attachments {
		all[i] = CheckResult{Interface: a.Interface, Network: a.Network}
		if err := n.Check(ctx, a); err != nil {
			all[i].Problem = err.Error()
		}
	}
	return all, err
}
