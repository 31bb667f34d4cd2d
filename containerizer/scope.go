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
	id, group := l.record.ID, l.paths.shims(l.record.ID)
	if l.paths.scoped() {
		group = "" // it moves itself, by way of systemd
	}
	if l.client, err = l.launcher.Spawn(ctx, l.paths.stateDir(id), group); err != nil {
		return l.failed(mctr.Isolating, "launcher", "start the shim", err)
	}
	if l.paths.scoped() {
		err = l.client.Enter(ctx, l.scope())
	}
	return l.failed(mctr.Isolating, "shim", "enter scope "+l.paths.scope(id), err)
}

// scope is made for a root container; what is nested in it comes into it later.
func (l *launch) scope() *wire.Scope {
	id := l.record.ID
	s := &wire.Scope{Group: l.paths.shims(id)}
	if id.Parent() == "" {
		s.Unit, s.Slice = l.paths.scope(id), filepath.Base(l.paths.parent)
		s.Description = "mctr container " + cmp.Or(l.record.Config.Name, id.Short())
	}
	return s
}
