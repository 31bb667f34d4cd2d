package ociruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
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
	if err := c.Update(limits); err != nil {
		return 1, err
	}
	return 0, u.updateIntelRdt(c)
}

// readLimits reads resources in the form of config.json from a file, or from stdin if path is "-".
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

// updateIntelRdt changes a resctrl group that the container already has.
func (u *update) updateIntelRdt(c engine.Container) error {
	if u.l3 == "" && u.bandwidth == "" {
		return nil
	}
	rdt, ok := c.(engine.IntelRdtUpdater)
	if !ok {
		return fmt.Errorf("%w: --l3-cache-schema, --mem-bw-schema: this engine does not support resctrl",
			mctr.ErrUnsupported)
	}
	if err := rdt.UpdateIntelRdt(u.l3, u.bandwidth); err != nil {
		return fmt.Errorf("--l3-cache-schema, --mem-bw-schema: %w", err)
	}
	return nil
}
