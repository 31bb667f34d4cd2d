package main

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/doctor"
	"github.com/mctr/mctr/internal/ps"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// containerAPI are what verbs do to containers, wherever these are.
type containerAPI interface {
	Containers() ([]mctr.ContainerID, error)
	Resolve(ref string) (mctr.ContainerID, error)
	Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error)
	Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error)
	DiskUsage(ctx context.Context, id mctr.ContainerID) (containerizer.DiskUsage, error)
	Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error)
	Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error
	Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error]

	Launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
		o containerizer.LaunchOptions) (*launcher.Stream, error)
	Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig, progress provisioner.Progress) error
	LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group, o containerizer.LaunchOptions) error
	DryRun(ctx context.Context, config *mctr.ContainerConfig) (*specs.Spec, error)
	Start(ctx context.Context, id mctr.ContainerID, o containerizer.LaunchOptions) (*launcher.Stream, error)
	Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error)
	Exec(ctx context.Context, id mctr.ContainerID, e containerizer.Exec) (*launcher.Stream, error)
	Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error
	Stop(ctx context.Context, id mctr.ContainerID, sig unix.Signal, timeout time.Duration) (*mctr.Termination, error)
	Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	Remove(ctx context.Context, id mctr.ContainerID, force bool) error
	Pause(ctx context.Context, id mctr.ContainerID) error
	Resume(ctx context.Context, id mctr.ContainerID) error
	Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error
	UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error
	Rename(ctx context.Context, id mctr.ContainerID, name string) error
	Leftovers(ctx context.Context) ([]mctr.Leftover, error)
	Reconcile(ctx context.Context) ([]mctr.Leftover, error)

	StatPath(ctx context.Context, id mctr.ContainerID, file string,
		o containerizer.CopyOptions) (*containerizer.PathStat, error)
	CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer, o containerizer.CopyOptions) error
	CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader, o containerizer.CopyOptions) error
}

// imageStore is what verbs do to images.
type imageStore interface {
	Pull(ctx context.Context, ref string, o provisioner.PullOptions) (*provisioner.Image, error)
	Images(ctx context.Context) ([]provisioner.Image, error)
	Inspect(ctx context.Context, ref string) (*provisioner.Image, error)
	Remove(ctx context.Context, ref string, force bool) (provisioner.PruneReport, error)
	Prune(ctx context.Context, o provisioner.PruneOptions) (provisioner.PruneReport, error)
	Tag(ctx context.Context, source, target string) error
	Load(ctx context.Context, from io.Reader, name string, o provisioner.LoadOptions) ([]*provisioner.Image, error)
	Save(ctx context.Context, refs []string, w io.Writer, f provisioner.SaveFormat) error
	Usage(ctx context.Context) (provisioner.Usage, error)
}

// networkStore is what verbs do to networks.
type networkStore interface {
	List(ctx context.Context) ([]cni.Details, error)
	Inspect(ctx context.Context, name string) (*cni.Details, error)
	Available(ctx context.Context, name string) error
	Create(ctx context.Context, name string, d cni.Definition) error
	Remove(ctx context.Context, name string) error
	GC(ctx context.Context, name string) error
	Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error)
}

// hostFacts are what is known of the containers' host.
type hostFacts interface {
	Facts(ctx context.Context) (*doctor.Facts, error)
	Examine(ctx context.Context) ([]doctor.Finding, error)
}

// localContainers is this host's containers.
type localContainers struct{ *containerizer.Containerizer }

// Processes asks this host's ps(1).
func (h localContainers) Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error) {
	pids, err := h.Pids(id)
	if err != nil {
		return nil, err
	}
	return ps.Table(ctx, pids, options...)
}

// api gives the containers that the command is about. A verb that needs more of
// them than containerAPI, or their host's files, asks for a.containers instead.
func (a *app) api(ctx context.Context) (containerAPI, error) {
	if a.remote() {
		return a.agent.connect()
	}
	c, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	return localContainers{c}, nil
}

// apiForChange is reach for a command that changes something: such a command
// first cleans up after containers that ended while nobody could.
func (a *app) apiForChange(ctx context.Context) (containerAPI, error) {
	if a.remote() {
		return a.agent.connect()
	}
	c, err := a.changing(ctx)
	if err != nil {
		return nil, err
	}
	return localContainers{c}, nil
}

// apiForContainer is reach, with the container that ref names.
func (a *app) apiForContainer(ctx context.Context, ref string) (containerAPI, mctr.ContainerID, error) {
	c, err := a.api(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ref)
	return c, id, err
}

// imageAPI is reach for images.
func (a *app) imageAPI() (imageStore, error) {
	if !a.remote() {
		return a.images()
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Images(), nil
}

// networkAPI is reach for networks.
func (a *app) networkAPI() (networkStore, error) {
	if !a.remote() {
		return localNetworks{a.networks()}, nil
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Networks(), nil
}

// hostAPI is reach for the containers' host itself.
func (a *app) hostAPI() (hostFacts, error) {
	if !a.remote() {
		return a.localHost(), nil
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Host(), nil
}

func (a *app) localHost() localHost {
	h := doctor.Host{Root: a.root, State: a.state, PluginDirs: a.networks().PluginDirs(),
		Programs: containerizer.FindPrograms(), Shim: containerizer.ExamineShim}
	return localHost{h, a.backend}
}
