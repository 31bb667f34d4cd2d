package containerizer

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// defaultState is the state directory whose cgroups have no suffix.
const defaultState = "/run/mctr"

// layout knows every path and kernel name of a containerizer.
//
//	ROOT (survives a reboot)               STATE (ends with the boot)
//	├── images/          provisioner's     ├── boot_id
//	├── ends/OWNER/      not acknowledged  ├── shim.json       what mctr-shim understands
//	├── names/NAME       holds the id      ├── lock            set-up, and a new boot
//	├── boot_id          of the last use   │
//	├── state.json       which STATE       │
//	├── lock             set-up            │
//	├── cni/             package cni's     ├── cni/            package cni's
//	└── containers/ID/                     ├── locks/ID        who may change it
//	    ├── config.json  the intent        ├── containers/ID/
//	    ├── waiting      never launched    │       ├── journal     checkpoints, a line each
//	    ├── run.json     its command runs  │       │
//	    ├── update.json  limits being set  │       │
//	    ├── again        soon, by policy   │       │
//	    ├── start_error  of its policy     │       │
//	    ├── exit.json    how it ended      │       ├── created.json
//	    ├── journal      of its last launch│       ├── room         for its end on a full disk
//	    ├── last.json    the end before    │       │
//	    ├── logs/                          │       ├── bundle/{config.json,rootfs/}
//	    ├── sandbox/                       │       └── alive, shim.sock, shim.log
//	    ├── rw/          what it wrote     ├── engine/         what the engine keeps for all
//	    ├── engine/      the OCI engine's  ├── events          what happened, for everybody
//	    │                own, as it runs   ├── groups.lock     who has control groups made
//	    └── <isolator>/  its records       ├── cgroup_parent   the group above all others
//	                                       └── agents/         mctr-agent's locks
//
// The engine's directory is not in STATE, although it ends with the boot: the
// engine seals its executable by an overlay over this directory, which the
// kernel refuses on an unbindable mount, and then copies the executable.
type layout struct {
	root, state string
	// the group above all of this containerizer's; "" is the hierarchies' roots, a slice has systemd's scopes
	parent string
}

func (l layout) containers() string                 { return filepath.Join(l.root, "containers") }
func (l layout) ends() string                       { return filepath.Join(l.root, "ends") }
func (l layout) names() string                      { return filepath.Join(l.root, "names") }
func (l layout) dir(id mctr.ContainerID) string     { return filepath.Join(l.containers(), string(id)) }
func (l layout) config(id mctr.ContainerID) string  { return filepath.Join(l.dir(id), "config.json") }
func (l layout) waiting(id mctr.ContainerID) string { return filepath.Join(l.dir(id), "waiting") }
func (l layout) update(id mctr.ContainerID) string  { return filepath.Join(l.dir(id), "update.json") }
func (l layout) run(id mctr.ContainerID) string     { return filepath.Join(l.dir(id), "run.json") }
func (l layout) stopped(id mctr.ContainerID) string { return filepath.Join(l.dir(id), "stopped") }
func (l layout) startError(id mctr.ContainerID) string {
	return filepath.Join(l.dir(id), "start_error")
}
func (l layout) again(id mctr.ContainerID) string     { return filepath.Join(l.dir(id), "again") }
func (l layout) launched(id mctr.ContainerID) string  { return filepath.Join(l.dir(id), "launched") }
func (l layout) story(id mctr.ContainerID) string     { return filepath.Join(l.dir(id), "journal") }
func (l layout) last(id mctr.ContainerID) string      { return filepath.Join(l.dir(id), "last.json") }
func (l layout) exit(id mctr.ContainerID) string      { return filepath.Join(l.dir(id), "exit.json") }
func (l layout) logs(id mctr.ContainerID) string      { return filepath.Join(l.dir(id), "logs") }
func (l layout) sandbox(id mctr.ContainerID) string   { return filepath.Join(l.dir(id), "sandbox") }
func (l layout) rw(id mctr.ContainerID) string        { return filepath.Join(l.dir(id), "rw") }
func (l layout) bootID() string                       { return filepath.Join(l.state, "boot_id") }
func (l layout) lastBoot() string                     { return filepath.Join(l.root, "boot_id") }
func (l layout) stateRecord() string                  { return filepath.Join(l.root, "state.json") }
func (l layout) rootLock() string                     { return filepath.Join(l.root, "lock") }
func (l layout) setupLock() string                    { return filepath.Join(l.state, "lock") }
func (l layout) locks() string                        { return filepath.Join(l.state, "locks") }
func (l layout) cgroupParent() string                 { return filepath.Join(l.state, "cgroup_parent") }
func (l layout) events() string                       { return filepath.Join(l.state, "events") }
func (l layout) lock(id mctr.ContainerID) string      { return filepath.Join(l.locks(), string(id)) }
func (l layout) groupLock(id mctr.ContainerID) string { return l.lock(id) + "+group" }
func (l layout) running() string                      { return filepath.Join(l.state, "containers") }
func (l layout) stateDir(id mctr.ContainerID) string  { return filepath.Join(l.running(), string(id)) }
func (l layout) journal(id mctr.ContainerID) string   { return filepath.Join(l.stateDir(id), "journal") }
func (l layout) health(id mctr.ContainerID) string {
	return filepath.Join(l.stateDir(id), "health.json")
}
func (l layout) healthCheck(id mctr.ContainerID) string {
	return filepath.Join(l.stateDir(id), "healthcheck.json")
}
func (l layout) ready(id mctr.ContainerID) string {
	return filepath.Join(l.stateDir(id), "ready.json")
}
func (l layout) created(id mctr.ContainerID) string {
	return filepath.Join(l.stateDir(id), "created.json")
}
func (l layout) bundle(id mctr.ContainerID) string { return filepath.Join(l.stateDir(id), "bundle") }
func (l layout) rootfs(id mctr.ContainerID) string { return filepath.Join(l.bundle(id), "rootfs") }
func (l layout) engine(id mctr.ContainerID) string { return filepath.Join(l.dir(id), "engine") }
func (l layout) shimRecord() string                { return filepath.Join(l.state, "shim.json") }
func (l layout) engineCache() string               { return filepath.Join(l.state, "engine") }

// cgroupPrefix is the group above all of this containerizer's. Two containerizers
// on one host have different state directories, so different prefixes.
func (l layout) cgroupPrefix() string {
	if l.state == defaultState {
		return filepath.Join(l.parent, "mctr")
	}
	sum := sha256.Sum256([]byte(l.state))
	return filepath.Join(l.parent, "mctr-"+hex.EncodeToString(sum[:4]))
}

// scoped says whether systemd makes a scope for each root container. What is in it
// is as it would be below cgroupPrefix, with shims of its own.
func (l layout) scoped() bool { return cgroup.IsSlice(l.parent) }

// scope is the name of the unit, and of its group in the slice.
func (l layout) scope(id mctr.ContainerID) string {
	sum := sha256.Sum256([]byte(l.state + "\x00" + string(id.Root())))
	return "mctr-" + hex.EncodeToString(sum[:8]) + ".scope"
}

// cgroup is the group of a root container and what is nested in it: limits, no process.
func (l layout) cgroup(id mctr.ContainerID) string {
	if l.scoped() {
		return filepath.Join(l.parent, l.scope(id), string(id.Root()))
	}
	return filepath.Join(l.cgroupPrefix(), string(id.Root()))
}

// leaf is the group of the container's own process.
func (l layout) leaf(id mctr.ContainerID) string {
	name := "main"
	if id.Parent() != "" {
		name = id.Hash()
	}
	return filepath.Join(l.cgroup(id), name)
}

// group is what goes with the container: a root's is everything in it.
func (l layout) group(id mctr.ContainerID) string {
	if id.Parent() != "" {
		return l.leaf(id)
	}
	return l.cgroup(id)
}

// shims is the group of the container's supervisor. In a scope its name is nobody's id.
func (l layout) shims(id mctr.ContainerID) string {
	if l.scoped() {
		return filepath.Join(l.parent, l.scope(id), "_shims")
	}
	return l.cgroupPrefix() + "-shims"
}

// CgroupOf names the control group of a container's own process, relative to
// the hierarchies' roots, for a containerizer whose STATE is state.
func CgroupOf(state string) func(mctr.ContainerID) string {
	paths := sync.OnceValue(func() layout { // New may yet set the parent
		l := layout{state: state}
		l.parent, _ = l.recordedParent() // New reports the error
		return l
	})
	return func(id mctr.ContainerID) string { return paths().leaf(id) }
}

// StateOf names a container's directory in STATE, for a containerizer whose STATE
// is state.
func StateOf(state string) func(mctr.ContainerID) string {
	return layout{state: state}.stateDir
}

// DirOf names a container's directory in ROOT, for a containerizer whose ROOT is root.
func DirOf(root string) func(mctr.ContainerID) string {
	return layout{root: root}.dir
}
