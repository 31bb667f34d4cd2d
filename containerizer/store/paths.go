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

// A Layout names every path and every control group of the containers of one pair of
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
//	                                         ├── secrets/        a tmpfs, volume/secret's
//	                                         └── agents/         mctr-agent's locks
//
// The engine's directory is in ROOT, although its content is void after a reboot: the engine
// seals its executable by an overlay over this directory. On the unbindable mount of STATE the
// kernel refuses that overlay, and the engine would copy the executable.
type Layout struct {
	Root, State string
	// Parent is the group above those of all containers: "" for the hierarchies' roots, a slice for systemd scopes.
	Parent string
}

// Containers is the directory in ROOT with a directory for each container.
func (l *Layout) Containers() string { return filepath.Join(l.Root, "containers") }

// Running is the directory in STATE with a directory for each container that is not at rest.
func (l *Layout) Running() string { return filepath.Join(l.State, "containers") }

// Names is the directory with a file for each name, which holds the id of the container.
func (l *Layout) Names() string { return filepath.Join(l.Root, "names") }

// Locks is the directory with a lock file for each container.
func (l *Layout) Locks() string { return filepath.Join(l.State, "locks") }

// Events is the file with the events of this boot.
func (l *Layout) Events() string { return filepath.Join(l.State, "events") }

// ShimRecord is the file that records which features the installed shim has.
func (l *Layout) ShimRecord() string { return filepath.Join(l.State, "shim.json") }

// EngineCache is the directory that the engine uses for all containers.
func (l *Layout) EngineCache() string { return filepath.Join(l.State, "engine") }

// GroupsLock is the file on which processes hold a shared lock while they make control groups.
func (l *Layout) GroupsLock() string { return filepath.Join(l.State, "groups.lock") }

// SetupLock is the file that a process locks while it sets up STATE.
func (l *Layout) SetupLock() string { return filepath.Join(l.State, "lock") }

func (l *Layout) rootLock() string     { return filepath.Join(l.Root, "lock") }
func (l *Layout) ends() string         { return filepath.Join(l.Root, "ends") }
func (l *Layout) bootID() string       { return filepath.Join(l.State, "boot_id") }
func (l *Layout) lastBoot() string     { return filepath.Join(l.Root, "boot_id") }
func (l *Layout) stateRecord() string  { return filepath.Join(l.Root, "state.json") }
func (l *Layout) cgroupParent() string { return filepath.Join(l.State, "cgroup_parent") }

// CgroupPrefix is the group above those of all containers. It depends on STATE, so that two
// containerizers on one host have different groups.
func (l *Layout) CgroupPrefix() string {
	if l.State == DefaultState {
		return filepath.Join(l.Parent, "mctr")
	}
	sum := sha256.Sum256([]byte(l.State))
	return filepath.Join(l.Parent, "mctr-"+hex.EncodeToString(sum[:4]))
}

// Scoped returns true if systemd makes a scope for each root container. The groups in a scope are
// those that would otherwise be below CgroupPrefix, with a group for the shims of the scope.
func (l *Layout) Scoped() bool { return cgroup.IsSlice(l.Parent) }

// Paths names the files and control groups of one container, whether it exists or not.
type Paths struct {
	ID     mctr.ContainerID
	layout *Layout
}

// Paths returns the paths of container id.
func (l *Layout) Paths(id mctr.ContainerID) Paths { return Paths{ID: id, layout: l} }

// Dir is the container's directory in ROOT.
func (p Paths) Dir() string { return filepath.Join(p.layout.Containers(), string(p.ID)) }

// StateDir is the container's directory in STATE.
func (p Paths) StateDir() string { return filepath.Join(p.layout.Running(), string(p.ID)) }

func (p Paths) in(name string) string      { return filepath.Join(p.Dir(), name) }
func (p Paths) inState(name string) string { return filepath.Join(p.StateDir(), name) }

// ConfigFile is the file of the container's Record.
func (p Paths) ConfigFile() string { return p.in("config.json") }

// Exit is the file in which the shim records how the container exited.
func (p Paths) Exit() string { return p.in("exit.json") }

// FallbackExit is the file in which the shim records the exit if it cannot write Exit.
func (p Paths) FallbackExit() string { return p.inState("exit.json") }

// Logs is the directory of the container's log.
func (p Paths) Logs() string { return p.in("logs") }

// Sandbox is the container's own directory for its files.
func (p Paths) Sandbox() string { return p.in("sandbox") }

// RW is the directory of what the container wrote to its root filesystem.
func (p Paths) RW() string { return p.in("rw") }

// Engine is the OCI engine's directory for this container.
func (p Paths) Engine() string { return p.in("engine") }

// CreatedFile is the file in which the shim records the container's init.
func (p Paths) CreatedFile() string { return p.inState("created.json") }

// Health is the file of the health check's verdict.
func (p Paths) Health() string { return p.inState("health.json") }

// HealthCheck is the file of the health check in effect.
func (p Paths) HealthCheck() string { return p.inState("healthcheck.json") }

// Ready is the file of the readiness check's verdict.
func (p Paths) Ready() string { return p.inState("ready.json") }

// Bundle is the directory of the OCI bundle.
func (p Paths) Bundle() string { return p.inState("bundle") }

// Rootfs is the mount point of the root filesystem.
func (p Paths) Rootfs() string { return filepath.Join(p.Bundle(), "rootfs") }

func (p Paths) stateFile() string    { return p.in("state.json") }
func (p Paths) resolvedFile() string { return p.in("resolved.json") }
func (p Paths) lastJournal() string  { return p.in("journal") }
func (p Paths) journal() string      { return p.inState("journal") }
func (p Paths) lock() string         { return filepath.Join(p.layout.Locks(), string(p.ID)) }

// GroupLock is the file that a process locks while it launches a group with this root.
func (p Paths) GroupLock() string { return p.lock() + "+group" }

// Scope is the name of the container's systemd scope, which is also the scope's group in the slice.
func (p Paths) Scope() string {
	sum := sha256.Sum256([]byte(p.layout.State + "\x00" + string(p.ID.Root())))
	return "mctr-" + hex.EncodeToString(sum[:8]) + ".scope"
}

// RootCgroup is the group of a root container with all that is nested in it: it has limits, and
// no processes.
func (p Paths) RootCgroup() string {
	root := string(p.ID.Root())
	if p.layout.Scoped() {
		return filepath.Join(p.layout.Parent, p.Scope(), root)
	}
	return filepath.Join(p.layout.CgroupPrefix(), root)
}

// Handle returns the handle that isolators get.
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

// Cgroup is the group of the container's own processes, relative to the roots of the
// hierarchies.
func (p Paths) Cgroup() string {
	name := "main"
	if p.ID.Parent() != "" {
		name = p.ID.Hash()
	}
	return filepath.Join(p.RootCgroup(), name)
}

// WholeCgroup is the group that is removed with the container: for a root container, RootCgroup.
func (p Paths) WholeCgroup() string {
	if p.ID.Parent() != "" {
		return p.Cgroup()
	}
	return p.RootCgroup()
}

// ShimCgroup is the group of the container's supervisor. In a scope its name cannot be that of a container.
func (p Paths) ShimCgroup() string {
	if p.layout.Scoped() {
		return filepath.Join(p.layout.Parent, p.Scope(), "_shims")
	}
	return p.layout.CgroupPrefix() + "-shims"
}
