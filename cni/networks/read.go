package networks

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/libcni"

	"github.com/mctr/mctr"
)

// Find returns the network called name. It ignores errors in the files of other networks. The error
// wraps mctr.ErrNotFound if no file defines the network.
func (s *Store) Find(name string) (*Network, error) {
	all, broken := s.All()
	for _, network := range all {
		if network.Name == name {
			return network, nil
		}
	}
	err := fmt.Errorf("%w: no network %s in %s (mctr network ls lists the networks)", mctr.ErrNotFound, name,
		strings.Join(s.dirs(), ", "))
	return nil, errors.Join(err, broken)
}

func (s *Store) dirs() []string { return append([]string{s.Dir()}, s.ConfigDirs...) }

// All reads every network: mctr's own first, the others by directory and file name. If two networks
// have one name, the first counts. All goes on past files that cannot be read, and returns their
// errors joined.
func (s *Store) All() ([]*Network, error) {
	var all []*Network
	var errs []error
	for _, dir := range s.dirs() {
		files, err := libcni.ConfFiles(dir, []string{".conflist", ".conf", ".json"})
		errs = append(errs, err)
		slices.Sort(files)
		for _, file := range files {
			network, err := Read(file)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
				continue
			}
			if !slices.ContainsFunc(all, func(other *Network) bool { return other.Name == network.Name }) {
				all = append(all, network)
			}
		}
	}
	return all, errors.Join(errs...)
}

// Read reads a configuration list, or a single plugin's file, from which it makes a list.
func Read(file string) (*Network, error) {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err,
			fmt.Errorf("%w: %s is not a file", mctr.ErrInvalid, file)) // reading a pipe might never end
	}
	if filepath.Ext(file) == ".conflist" {
		list, err := libcni.NetworkConfFromFile(file)
		if err != nil {
			return nil, err
		}
		return newNetwork(file, list)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	single, err := libcni.NetworkPluginConfFromBytes(data)
	if err != nil {
		return nil, err
	}
	list, err := singlePlugin(single)
	if err != nil {
		return nil, err
	}
	return newNetwork(file, list)
}

// singlePlugin returns a list of one plugin. Operators still have such files.
func singlePlugin(p *libcni.PluginConfig) (*libcni.NetworkConfigList, error) {
	data, err := json.Marshal(map[string]any{
		"name": p.Network.Name, "cniVersion": p.Network.CNIVersion, "plugins": []json.RawMessage{p.Bytes},
	})
	if err != nil {
		return nil, err
	}
	return libcni.NetworkConfFromBytes(data)
}

// Usable reports whether every plugin of the network is installed and executable. The error names
// the first that is not, and the directories in which it was searched.
func (s *Store) Usable(network *Network) error {
	for _, program := range network.programs() {
		if err := s.findPlugin(program); err != nil {
			return fmt.Errorf("network %s: %w", network.Name, err)
		}
	}
	return nil
}

func (s *Store) findPlugin(program string) error {
	if program == "" || strings.Contains(program, "/") {
		return fmt.Errorf("%w: plugin %q is not a file name", mctr.ErrInvalid, program)
	}
	for _, dir := range s.PluginDirs {
		info, err := os.Stat(filepath.Join(dir, program))
		switch {
		case err != nil || info.IsDir():
			continue
		case info.Mode()&0o111 == 0:
			return fmt.Errorf("%w: CNI plugin %s is not executable", mctr.ErrUnsupported, filepath.Join(dir, program))
		}
		return nil
	}
	return fmt.Errorf("%w: CNI plugin %s is in none of %s (install containernetworking-plugins, or name its "+
		"directory by cni.plugin_dirs)",
		mctr.ErrUnsupported, program, strings.Join(s.PluginDirs, ", "))
}
