package cni

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mctr/mctr"
)

// Details describe a network and the containers that are attached to it.
type Details struct {
	Name       string                        `json:"name"`
	File       string                        `json:"file"`
	CNIVersion string                        `json:"cni_version"`
	Plugins    []string                      `json:"plugins"`              // their types, in order
	Definition *Definition                   `json:"definition,omitempty"` // nil for an operator's
	Config     json.RawMessage               `json:"config"`               // the CNI configuration list
	Containers map[mctr.ContainerID][]Member `json:"containers"`
	Usable     string                        `json:"usable,omitempty"` // why no container can use it; "": it is usable
}

// A Member is a container's interface in a network.
type Member struct {
	Interface string      `json:"interface"`
	State     string      `json:"state"`
	Addresses []string    `json:"addresses"`
	MAC       string      `json:"mac"`
	Ports     []mctr.Port `json:"ports,omitempty"`
	Failure   string      `json:"failure,omitempty"` // the error of the last DEL
}

// Details returns the details of the network called name.
func (n *Networks) Details(name string) (*Details, error) {
	network, err := n.Find(name)
	if err != nil {
		return nil, err
	}
	all, err := n.Attachments()
	d := n.details(network, all)
	return &d, err
}

// List returns the details of every network. It goes on past files and records that cannot be read,
// and returns their errors joined.
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

// A CheckResult is the plugins' answer to CHECK of a container's interface.
type CheckResult struct {
	Interface string `json:"interface"`
	Network   string `json:"network"`
	Problem   string `json:"problem,omitempty"` // "": the interface is as ADD left it
}

// CheckAll calls Check for all attachments of id, in order of their index.
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
