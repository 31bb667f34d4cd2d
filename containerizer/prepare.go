package containerizer

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/moby/sys/signal"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/spec"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
)

// prepare calls Prepare of every isolator, in the order of the table, and merges the adjustments.
func (l *launch) prepare(ctx context.Context) error {
	m := spec.NewMerger(l.baseSpec())
	for _, i := range l.isolators {
		if err := l.reach("prepare/" + i.Name()); err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return l.failed(mctr.Preparing, i.Name(), "prepare", err)
		}
		adjustment, err := i.Prepare(ctx, l.container)
		if err == nil {
			err = m.Add(i.Name(), adjustment)
		}
		if err != nil {
			return l.failed(mctr.Preparing, i.Name(), "prepare", err)
		}
	}
	if err := l.reach(store.Prepared); err != nil {
		return err
	}
	l.spec, l.ports, l.watchful = m.Finish(l.record.Config.Process.Env), m.Ports, m.Watch
	l.secretEnv = m.SecretEnv
	return l.failed(mctr.Preparing, "containerizer", "merge", spec.Check(l.spec))
}

// baseSpec returns the parts of the spec that no isolator decides.
func (l *launch) baseSpec() *specs.Spec {
	base := spec.Base(l.record.Config, l.container.Cgroup)
	if size := l.options.ConsoleSize; size != nil && l.record.Config.Process.Terminal {
		base.Process.ConsoleSize = &specs.Box{Width: uint(size.Width), Height: uint(size.Height)}
	}
	return base
}

// bundle writes config.json, which does not change afterwards, and records the result of the
// launch for later queries.
func (l *launch) bundle(context.Context) error {
	data, err := json.MarshalIndent(l.spec, "", "\t")
	if err != nil {
		return l.failed(mctr.Isolating, "containerizer", "encode config.json", err)
	}
	if err := atomicfile.Write(filepath.Join(l.stored().Bundle(), "config.json"), data, 0o644); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "write config.json", err)
	}
	r := &store.Resolved{Image: l.container.Image, Spec: l.spec, StopSignal: l.stopSignal(), Warnings: l.warnings()}
	if l.image != nil {
		r.ImageID = string(l.image.ID)
	}
	if err := l.stored().SetResolved(r); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "write resolved.json", err)
	}
	return l.reach(store.Bundle)
}

// stopSignal returns the config's stop signal, or else the image's, or else SIGTERM, which is also
// docker's default.
func (l *launch) stopSignal() string {
	if s := l.record.Config.StopSignal; s != "" {
		return s
	}
	if l.container.Image != nil && isSignal(l.container.Image.StopSignal) {
		return l.container.Image.StopSignal
	}
	return "SIGTERM"
}

func isSignal(s string) bool {
	number, err := signal.ParseSignal(s)
	return err == nil && signal.ValidSignalForPlatform(number)
}
