package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
)

// A network is a CNI network of Calico's.
type network struct {
	name      string
	datastore calico.Datastore
}

// findNetwork finds the Calico network of this name, or the only one.
func findNetwork(dirs []string, name string) (network, error) {
	var found []network
	var errs []error
	for _, file := range files(dirs) {
		n, err := readNetwork(file)
		switch {
		case err == nil && (name == "" || n.name == name):
			found = append(found, n)
		case name != "" && n.name == name:
			return n, fmt.Errorf("network %s (%s): %w", name, file, err)
		case n.name == "": // others' networks may be of other plugins
			errs = append(errs, err)
		}
	}
	switch {
	case len(found) == 1 || len(found) > 0 && name != "":
		return found[0], nil
	case len(found) > 1:
		return network{}, fmt.Errorf("%w: several networks are Calico's: --network says which", mctr.ErrInvalid)
	}
	err := fmt.Errorf("%w: no CNI network of Calico's in %s", mctr.ErrNotFound, strings.Join(dirs, ", "))
	if name != "" {
		err = fmt.Errorf("%w: no CNI network %s in %s", mctr.ErrNotFound, name, strings.Join(dirs, ", "))
	}
	return network{}, errors.Join(append([]error{err}, errs...)...)
}

// files are the CNI configurations of the directories, in their order.
func files(dirs []string) []string {
	var all []string
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // sorted; what is missing has none
		for _, e := range entries {
			if slices.Contains([]string{".conflist", ".conf", ".json"}, filepath.Ext(e.Name())) {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}

// readNetwork gives the name also of what is not Calico's.
func readNetwork(file string) (network, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return network{}, err
	}
	var n struct{ Name string }
	if err := json.Unmarshal(data, &n); err != nil {
		return network{}, fmt.Errorf("%s: %w", file, err)
	}
	datastore, err := calico.DatastoreOf(data)
	return network{n.Name, datastore}, err
}
