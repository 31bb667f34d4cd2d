package store

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// DefaultState is the STATE whose control groups have no suffix.
const DefaultState = "/run/mctr"

// A Layout names every path and every control group of the containers below one pair of
// directories.
//
//	ROOT (survives a reboot)                 STATE (ends with the boot)
//	├── images/            provisioner's     ├── boot_id         the boot and the ROOT it belongs to
//	├── ends/OWNER/        unacknowledged    ├── shim.json       what mctr-shim understands
//	├── names/NAME         holds the id      ├── lock            set-up, and a new boot
//	├── boot_id            of the last use   ├── locks/ID        held by the process that changes it
//	├── state.json         which STATE       ├── locks/.names    of all names
//	├── lock               set-up            ├── locks/ID+group  of the launch of a group
//	├── cni/               package cni's     ├── cni/            package cni's
//	└── containers/ID/                       ├── containers/ID/
//	    ├── config.json    the intent        │   ├── journal     checkpoints, a line each
//	    ├── state.json     see State         │   ├── created.json     the shim's, of its init
//	    ├── resolved.json  what it came to   │   ├── healthcheck.json the check it has
//	    ├── exit.json      how it ended      │   ├── health.json, ready.json  verdicts
//	    ├── journal        of its last run   │   ├── room        kept free for its end
//	    ├── logs/                            │   ├── exit.json   if ROOT's disk was full
//	    ├── sandbox/                         │   ├── bundle/{config.json,rootfs/}
//	    ├── rw/            what it wrote     │   └── alive, shim.sock, shim.log
//	    ├── engine/        the OCI engine's  ├── engine/         what the engine keeps for all
//	    │                  own, as it runs   ├── events          what happened to containers
//	    └── <isolator>/    its records       ├── groups.lock     held while groups are made
//	                                         ├── cgroup_parent   the group above all others
//	                                         └── agents/         mctr-agent's locks
//
// The engine's directory is not in STATE, although it ends with the boot: the
// engine seals its executable by an overlay over this directory, which the
// kernel refuses on an unbindable mount, and then copies the executable.
type Layout struct {
	Root, State string
	// Parent is the group above all of these containers'; "" is the hierarchies' roots, a slice has systemd's scopes.
	Parent string
}

// Containers is where each container has its directory in ROOT.
func (l *Layout) Containers() string { return filepath.Join(l.Root, "containers") }

// Running is where each container that is not at rest has its directory in STATE.
func (l *Layout) Running() string { return filepath.Join(l.State, "containers") }

// Names holds a file for each name, with the id of the container that has it.
func (l *Layout) Names() string { return filepath.Join(l.Root, "names") }

// Locks holds a file for each container's lock.
func (l *Layout) Locks() string { return filepath.Join(l.State, "locks") }

// Events is the file of what happened to containers in this boot.
func (l *Layout) Events() string { return filepath.Join(l.State, "events") }

// ShimRecord is the file of what the installed shim understands.
func (l *Layout) ShimRecord() string { return filepath.Join(l.State, "shim.json") }

// EngineCache is what the engine keeps for all containers.
func (l *Layout) EngineCache() string { return filepath.Join(l.State, "engine") }

// GroupsLock is the file that is locked, shared, while control groups are made.
func (l *Layout) GroupsLock() string { return filepath.Join(l.State, "groups.lock") }

// SetupLock is the file that is locked while STATE is set up.
func (l *Layout) SetupLock() string { return filepath.Join(l.State, "lock") }

func (l *Layout) rootLock() string     { return filepath.Join(l.Root, "lock") }
func (l *Layout) ends() string         { return filepath.Join(l.Root, "ends") }
func (l *Layout) bootID() string       { return filepath.Join(l.State, "boot_id") }
func (l *Layout) lastBoot() string     { return filepath.Join(l.Root, "boot_id") }
func (l *Layout) stateRecord() string  { return filepath.Join(l.Root, "state.json") }
func (l *Layout) cgroupParent() string { return filepath.Join(l.State, "cgroup_parent") }

// CgroupPrefix is the group above all of these containers'. Two containerizers on one
// host have different STATEs, so different prefixes.
func (l *Layout) CgroupPrefix() string {
	if l.State == DefaultState {
		return filepath.Join(l.Parent, "mctr")
	}
	sum := sha256.Sum256([]byte(l.State))
	return filepath.Join(l.Parent, "mctr-"+hex.EncodeToString(sum[:4]))
}

// Scoped returns true if systemd makes a scope for each root container. What is in it is
// as it would be below CgroupPrefix, with shims of its own.
func (l *Layout) Scoped() bool { return cgroup.IsSlice(l.Parent) }

// Paths names what one container has, whether it exists or not.
type Paths struct {
	ID     mctr.ContainerID
	layout *Layout
}

// Paths returns those of the container called id.
func (l *Layout) Paths(id mctr.ContainerID) Paths { return Paths{ID: id, layout: l} }

// Dir is the container's directory in ROOT.
func (p Paths) Dir() string { return filepath.Join(p.layout.Containers(), string(p.ID)) }

// StateDir is the container's directory in STATE.
func (p Paths) StateDir() string { return filepath.Join(p.layout.Running(), string(p.ID)) }

func (p Paths) in(name string) string      { return filepath.Join(p.Dir(), name) }
func (p Paths) inState(name string) string { return filepath.Join(p.StateDir(), name) }

// ConfigFile is the record of what was asked for.
func (p Paths) ConfigFile() string { return p.in("config.json") }

// Exit is where the shim records how the container ended.
func (p Paths) Exit() string { return p.in("exit.json") }

// FallbackExit is where the shim records the end if it cannot at Exit.
func (p Paths) FallbackExit() string { return p.inState("exit.json") }

// Logs is the directory of the log.
func (p Paths) Logs() string { return p.in("logs") }

// Sandbox is the container's own directory for its files.
func (p Paths) Sandbox() string { return p.in("sandbox") }

// RW is the directory of what the container wrote to its root filesystem.
func (p Paths) RW() string { return p.in("rw") }

// Engine is the OCI engine's own directory.
func (p Paths) Engine() string { return p.in("engine") }

// CreatedFile is where the shim records the container's init.
func (p Paths) CreatedFile() string { return p.inState("created.json") }

// Health is the file of the verdict of the health check.
func (p Paths) Health() string { return p.inState("health.json") }

// HealthCheck is the file of the health check that the container has.
func (p Paths) HealthCheck() string { return p.inState("healthcheck.json") }

// Ready is the file of the verdict of the readiness check.
func (p Paths) Ready() string { return p.inState("ready.json") }

// Bundle is the OCI bundle.
func (p Paths) Bundle() string { return p.inState("bundle") }

// Rootfs is where the root filesystem is mounted.
func (p Paths) Rootfs() string { return filepath.Join(p.Bundle(), "rootfs") }

func (p Paths) stateFile() string    { return p.in("state.json") }
func (p Paths) resolvedFile() string { return p.in("resolved.json") }
func (p Paths) lastJournal() string  { return p.in("journal") }
func (p Paths) journal() string      { return p.inState("journal") }
func (p Paths) lock() string         { return filepath.Join(p.layout.Locks(), string(p.ID)) }

// GroupLock is the file that is locked while a group with this root is launched.
func (p Paths) GroupLock() string { return p.lock() + "+group" }

// Scope is the name of the systemd unit that the container is in, and of its group in the slice.
func (p Paths) Scope() string {
	sum := sha256.Sum256([]byte(p.layout.State + "\x00" + string(p.ID.Root())))
	return "mctr-" + hex.EncodeToString(sum[:8]) + ".scope"
}

// RootCgroup is the group of a root container and all that is nested in it: it has
// limits, and no process.
func (p Paths) RootCgroup() string {
	root := string(p.ID.Root())
	if p.layout.Scoped() {
		return filepath.Join(p.layout.Parent, p.Scope(), root)
	}
	return filepath.Join(p.layout.CgroupPrefix(), root)
}

// Handle is what isolators find the container's own by.
func (p Paths) Handle() mctr.Handle {
	h := mctr.Handle{
		ID: p.ID, Dir: p.Dir(), State: p.StateDir(), Rootfs: p.Rootfs(), RW: p.RW(), Sandbox: p.Sandbox(),
		Cgroup: p.Cgroup(),
	}
	if parent := p.ID.Parent(); parent != "" {
		h.ParentCgroup = p.layout.Paths(parent).Cgroup()
	}
	return h
}

// Cgroup is the group of the container's own processes, relative to the hierarchies'
// roots.
func (p Paths) Cgroup() string {
	name := "main"
	if p.ID.Parent() != "" {
		name = p.ID.Hash()
	}
	return filepath.Join(p.RootCgroup(), name)
}

// WholeCgroup is the group that goes with the container: a root's is everything in it.
func (p Paths) WholeCgroup() string {
	if p.ID.Parent() != "" {
		return p.Cgroup()
	}
	return p.RootCgroup()
}

// ShimCgroup is the group of the container's supervisor. Its name in a scope is no id's.
func (p Paths) ShimCgroup() string {
	if p.layout.Scoped() {
		return filepath.Join(p.layout.Parent, p.Scope(), "_shims")
	}
	return p.layout.CgroupPrefix() + "-shims"
}
