package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/cni/calico"
)

// A network is a CNI network of Calico.
type network struct {
	name      string
	datastore calico.Datastore
}

// findNetwork returns the network of --network, or the only network of Calico.
func (a *app) findNetwork() (network, error) {
	networks := cni.New(cni.Config{Root: filepath.Join(a.root, "cni"), ConfigDirs: a.configDirs})
	if a.network != "" {
		n, err := networks.Find(a.network)
		if err != nil {
			return network{}, err
		}
		datastore, err := calico.DatastoreOf(n.Bytes())
		if err != nil {
			return network{}, fmt.Errorf("network %s (%s): %w", n.Name, n.File, err)
		}
		return network{n.Name, datastore}, nil
	}
	all, broken := networks.All()
	var found []network
	for _, n := range all {
		if datastore, err := calico.DatastoreOf(n.Bytes()); err == nil { // networks of other plugins have no datastore
			found = append(found, network{n.Name, datastore})
		}
	}
	switch len(found) {
	case 0:
		err := fmt.Errorf("%w: no CNI network of Calico in %s", mctr.ErrNotFound, strings.Join(a.configDirs, ", "))
		return network{}, errors.Join(err, broken)
	case 1:
		return found[0], nil
	}
	return network{}, fmt.Errorf("%w: several networks are of Calico: choose one with --network", mctr.ErrInvalid)
}
