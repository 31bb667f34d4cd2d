package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func (r *runtime) update(args []string) (int, error) {
	u := newUpdate()
	f := newFlags("update")
	u.register(f)
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	limits := &u.limits
	if u.file != "" {
		if limits, err = readLimits(u.file); err != nil {
			return 1, err
		}
	}
	c, err := r.load(id)
	if err != nil {
		return 1, err
	}
	config := c.Config()
	if err := errors.Join(applyLimits(config.Cgroups.Resources, limits), u.rdt(&config)); err != nil {
		return 1, err
	}
	config.Cgroups.SkipDevices = true // an update tells of no devices
	return 0, c.Set(config)
}

// readLimits reads resources as config.json has them, from a file or, for "-",
// from stdin.
func readLimits(path string) (*specs.LinuxResources, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	limits := &specs.LinuxResources{}
	if err := json.NewDecoder(in).Decode(limits); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decode the resources in %s: %w", path, err)
	}
	return limits, nil
}

// rdt changes a group of resctrl that the container already has.
func (u *update) rdt(c *configs.Config) error {
	if u.l3 == "" && u.bandwidth == "" {
		return nil
	}
	if c.IntelRdt == nil {
		return errors.New("--l3-cache-schema, --mem-bw-schema: the container was created without intelRdt")
	}
	if u.l3 != "" {
		c.IntelRdt.L3CacheSchema = u.l3
	}
	if u.bandwidth != "" {
		c.IntelRdt.MemBwSchema = u.bandwidth
	}
	return nil
}
