package cni

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/types/create"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
)

// A Request describes an interface that Attach adds to a container. The container's namespace is
// pinned already.
type Request struct {
	Container mctr.ContainerID
	Network   *Network
	Interface string // eth0, eth1, ...
	Index     int
	Config    mctr.NetworkConfig
	Ports     []mctr.Port // host ports to forward to this interface; 0 picks one
	DNS       mctr.DNS    // passed to plugins with the capability dns
}

// Attach asks the network's plugins for an interface, by ADD. This process' first ADD to a network
// is preceded by STATUS. Attach checks the plugins' answer. After an error the attachment is either
// undone or still recorded, so that Detach can undo it later.
func (n *Networks) Attach(ctx context.Context, r Request) (*Attachment, error) {
	if have, err := load(n.record(r.Container, r.Interface)); err == nil && have.State == Attached &&
		have.Network == r.Network.Name {
		return have, nil
	}
	if err := n.ensureReady(ctx, r.Network); err != nil {
		return nil, err
	}
	lock, err := n.lockNetwork(ctx, r.Network.Name, flock.Shared)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if r.Network, err = n.reload(r.Network); err != nil {
		return nil, err
	}
	a, err := n.prepareIntent(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := n.add(ctx, r.Network, a); err != nil {
		err = fmt.Errorf("attach %s to network %s: %w", a.Interface, a.Network, err)
		return nil, errors.Join(err, n.del(context.WithoutCancel(ctx), a))
	}
	return a, nil
}

// reload reads a network of mctr's own again under its lock: since the caller found the network,
// another process may have removed it, with its interfaces, or made it again.
func (n *Networks) reload(network *Network) (*Network, error) {
	if filepath.Dir(network.File) != n.Dir() {
		return network, nil
	}
	now, err := networks.Read(network.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: network %s has just been removed", mctr.ErrNotFound, network.Name)
	}
	return now, err
}

// prepareIntent records the attachment with its host ports, before ADD. If a launch that died left
// a record of the same attachment, prepareIntent first asks for DEL: some plugins report success
// for an ADD over an existing endpoint without making it.
func (n *Networks) prepareIntent(ctx context.Context, r Request) (*Attachment, error) {
	if stale, err := load(n.record(r.Container, r.Interface)); err == nil {
		if err := n.del(ctx, stale); err != nil {
			return nil, err
		}
	}
	a := &Attachment{
		Schema: schema, Container: r.Container, ID: n.cniID(r.Container, r.Interface), Interface: r.Interface,
		Index:   r.Index,
		Network: r.Network.Name, State: Adding, Args: argsOf(r), PluginDirs: n.config.PluginDirs,
	}
	var err error
	if a.Config, err = withLabels(r); err != nil {
		return nil, err
	}
	if len(r.Ports) > 0 {
		lock, err := n.lockPorts(ctx)
		if err != nil {
			return nil, err
		}
		defer lock.Unlock()
		if a.Ports, err = n.choosePorts(r.Container, r.Ports); err != nil {
			return nil, err
		}
	}
	a.Capabilities = capabilitiesOf(r, a.Ports)
	if err := failpoint.Hit("cni/intent"); err != nil {
		return nil, err
	}
	return a, n.writeIntent(a)
}

// add asks for ADD and records the answer.
func (n *Networks) add(ctx context.Context, network *Network, a *Attachment) error {
	if err := failpoint.Hit("cni/intended"); err != nil {
		return err
	}
	list, err := networks.Parse(a.Config)
	if err != nil {
		return err
	}
	busy, err := flock.Exclusive(ctx, lockOf(n.path(a)))
	if err != nil {
		return err
	}
	defer busy.Unlock()
	if err := network.SetUpHost(); err != nil {
		return err
	}
	netns, changed := n.Namespace(a.Container), n.watchForwarding()
	defer changed(a.Network)
	note := func(result []byte) error {
		if _, err := create.CreateFromBytes(result); err != nil {
			return nil // libcni refuses the answer too, and DEL must not be given it
		}
		a.Answer = result
		return n.save(a)
	}
	var answer types.Result
	err = addKeepingRoutes(netns, a.Index, func() (err error) {
		answer, err = n.plugins(&executor{lock: busy.File(), answered: note}).AddNetworkList(
			ctx, list.List(), n.conf(a, netns))
		return err
	})
	if err != nil {
		return err
	}
	if err := failpoint.Hit("cni/added"); err != nil {
		return err
	}
	if a.Result, err = resultOf(answer, a.Interface, netns); err != nil {
		return err
	}
	a.State, a.Added = Attached, time.Now().UTC()
	return n.save(a)
}

// lockNetwork locks the network by lock. ADD and DEL use flock.Shared: they may run side by side, but
// not during a GC or the network's removal, which use flock.Exclusive.
func (n *Networks) lockNetwork(ctx context.Context, name string,
	lock func(ctx context.Context, path string) (*flock.Lock, error)) (*flock.Lock, error) {
	locks := filepath.Join(n.config.State, "locks")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return nil, err
	}
	return lock(ctx, filepath.Join(locks, name))
}

// holdUnused locks the network exclusively. The error wraps mctr.ErrState if a container is
// attached.
func (n *Networks) holdUnused(ctx context.Context, name string) (release func(), err error) {
	lock, err := n.lockNetwork(ctx, name, flock.Exclusive)
	if err != nil {
		return nil, err
	}
	release = lock.Unlock
	all, err := n.Attachments()
	for _, a := range all {
		if a.Network == name && err == nil {
			err = fmt.Errorf("%w: network %s: container %s is attached to it", mctr.ErrState, name,
				a.Container.Short())
		}
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}
