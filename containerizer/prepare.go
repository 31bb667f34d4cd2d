package containerizer

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/moby/sys/signal"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/rootfs"
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

// create starts the shim and has it create the container.
func (l *launch) create(ctx context.Context) error {
	id, config := l.record.ID, l.record.Config
	if err := l.reach(store.Shim); err != nil {
		return err
	}
	groups, err := l.cgroups.Lock(ctx)
	if err != nil {
		return l.failed(mctr.Isolating, "containerizer", "lock the control groups", err)
	}
	defer groups.Unlock()
	if err := l.spawn(ctx); err != nil {
		return err
	}
	if err := l.cgroups.Limit(id, config.GroupResources); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "make the control group", err)
	}
	l.created, err = l.client.Create(ctx, &wire.Create{
		ID: id, Parent: l.parentProcess(), Runtime: config.Runtime, Bundle: l.stored().Bundle(),
		EngineRoot: l.stored().Engine(), EngineCache: l.store.EngineCache(),
		Created: l.stored().CreatedFile(), Exit: l.stored().Exit(),
		FallbackExit: l.stored().FallbackExit(),
		Events:       l.store.Events(), Attributes: l.record.Attributes(), LogDir: l.stored().Logs(), Log: config.Log,
		Stdin: config.Process.Stdin, StdinOnce: l.options.Attach != nil && l.options.Attach.Stdin,
		SecretEnv: l.options.SecretEnv, OnExit: l.exitCommand(), Watch: l.watchCommand(),
		MaxTime:   time.Duration(config.MaxCompletion),
		Transient: config.Remove, ReservePorts: l.ports,
	})
	if err != nil {
		return l.failed(mctr.Isolating, "shim", "create the container", err)
	}
	if err := rootfs.HideFromHost(l.stored().Rootfs(), config); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "withdraw the host's view of the root filesystem", err)
	}
	return l.attach(ctx)
}

// attach connects to the streams while init is still blocked.
func (l *launch) attach(ctx context.Context) error {
	if l.options.Attach == nil {
		return nil
	}
	stream, err := l.Attach(ctx, l.record.ID, *l.options.Attach)
	l.stream = stream
	return l.failed(mctr.Isolating, "shim", "attach", err)
}

// spawn starts the shim in a control group where no limit, kill or end of a container reaches it.
func (l *launch) spawn(ctx context.Context) (err error) {
	c, scope := l.stored(), l.cgroups.Scope(l.record)
	group := c.ShimCgroup()
	if scope != nil {
		group = "" // the shim moves itself, through systemd
	}
	if l.client, err = l.launcher.Spawn(ctx, c.StateDir(), group); err != nil {
		return l.failed(mctr.Isolating, "launcher", "start the shim", err)
	}
	if scope != nil {
		err = l.client.Enter(ctx, scope)
	}
	return l.failed(mctr.Isolating, "shim", "enter scope "+c.Scope(), err)
}
