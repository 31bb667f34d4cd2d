package containerizer

import (
	"context"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// DryRun returns the OCI spec that a launch of config would hand to the engine. It prepares
// what the spec depends on, such as the image's filesystem, and undoes that.
func (c *Containerizer) DryRun(ctx context.Context, config *mctr.ContainerConfig) (spec *specs.Spec, err error) {
	if err := checkConfig(config); err != nil {
		return nil, err
	}
	copied := *config
	copied.Name = "" // DryRun reserves no name
	r, err := c.newRecord(ctx, mctr.NewID(), &copied)
	if err != nil {
		return nil, err
	}
	if err := c.Check(ctx, r.Config); err != nil {
		return nil, err
	}
	l := &launch{Containerizer: c, record: r, steps: beginSteps(nil), dryRun: true}
	if l.lock, err = reserve(ctx, c.releaser, r); err != nil {
		return nil, err
	}
	defer l.lock.Unlock()
	defer func() { err = errors.Join(err, l.undo(context.WithoutCancel(ctx))) }()
	for _, hop := range []func(context.Context) error{l.provision, l.prepare} {
		if err := hop(ctx); err != nil {
			return nil, err
		}
	}
	return l.spec, nil
}
