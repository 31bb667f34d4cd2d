package containerizer

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// spawn starts the shim where no limit, kill or end of others' reaches it.
func (l *launch) spawn(ctx context.Context) (err error) {
	id, group := l.record.ID, l.handle(l.record.ID).ShimCgroup()
	if l.store.Scoped() {
		group = "" // it moves itself, by way of systemd
	}
	if l.client, err = l.launcher.Spawn(ctx, l.handle(id).StateDir(), group); err != nil {
		return l.failed(mctr.Isolating, "launcher", "start the shim", err)
	}
	if l.store.Scoped() {
		err = l.client.Enter(ctx, l.scope())
	}
	return l.failed(mctr.Isolating, "shim", "enter scope "+l.handle(id).Scope(), err)
}

// scope is made for a root container; what is nested in it comes into it later.
func (l *launch) scope() *wire.Scope {
	id := l.record.ID
	s := &wire.Scope{Group: l.handle(id).ShimCgroup()}
	if id.Parent() == "" {
		s.Unit, s.Slice = l.handle(id).Scope(), filepath.Base(l.store.Parent)
		s.Description = "mctr container " + cmp.Or(l.record.Config.Name, id.Short())
	}
	return s
}
