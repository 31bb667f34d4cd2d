package containerizer

import (
	"context"
	"slices"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
)

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
		SecretEnv: slices.Concat(l.secretEnv, l.options.SecretEnv), OnExit: l.exitCommand(), Watch: l.watchCommand(),
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
