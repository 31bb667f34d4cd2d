package volumes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// Name is the driver of volumes of CSI plugins, and the type of these volumes in configs.
const Name = "csi"

// The limits of requests.
const (
	changeTime = 3 * time.Minute  // to make, delete or expand a volume
	askTime    = 10 * time.Second // to ask how a volume is
)

// A Driver has the volumes of the plugins of one ROOT. It implements mctr.VolumeDriver and
// mctr.VolumeExpander. Its methods are safe for concurrent use by several processes.
type Driver struct {
	Store   *csi.Store
	Plugins *csi.Plugins

	root   string
	runner csi.Runner
}

// New returns the driver for the volumes below root, the ROOT of the containerizer: absolute, without
// symbolic links. program is the path of mctr-csi; with "" every request fails. New makes nothing.
func New(root, program string) *Driver {
	return &Driver{Store: csi.NewStore(root), Plugins: csi.NewPlugins(root), root: root,
		runner: csi.Runner{Program: program}}
}

// Name implements mctr.VolumeDriver.
func (*Driver) Name() string { return Name }

// Create has the plugin make the volume, or validates one with the option id, which was made before. The
// volume is returned with the option volume_id.
func (d *Driver) Create(ctx context.Context, v mctr.NamedVolume) (mctr.NamedVolume, error) {
	described, err := describe(v)
	if err != nil {
		return v, err
	}
	verb := csi.VerbCreate
	if described.ID != "" {
		verb = csi.VerbValidate
	}
	answer, err := d.do(ctx, &csi.Request{Verb: verb, Volume: described, Timeout: csi.Duration(changeTime)})
	if err != nil {
		return v, err
	}
	v.Options = maps.Clone(v.Options)
	v.Options[optionVolumeID] = answer.Record.ID
	return v, nil
}

// Remove has the plugin delete the volume. A volume that was made before is forgotten, and exists on.
func (d *Driver) Remove(ctx context.Context, v mctr.NamedVolume) error {
	r, err := d.record(v)
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = d.do(ctx, &csi.Request{Verb: csi.VerbDelete, Volume: identity(r), Timeout: csi.Duration(changeTime)})
	return err
}

// Usage returns what the volume occupies, as its plugin says; nil while the volume is not published, and
// if the plugin does not say it.
func (d *Driver) Usage(ctx context.Context, v mctr.NamedVolume) (*mctr.VolumeUsage, error) {
	r, err := d.record(v)
	if err != nil || len(r.References) == 0 {
		return nil, err
	}
	answer, err := d.do(ctx, &csi.Request{Verb: csi.VerbStats, Volume: identity(r), Timeout: csi.Duration(askTime)})
	if errors.Is(err, mctr.ErrUnsupported) || errors.Is(err, mctr.ErrState) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	usage := &mctr.VolumeUsage{}
	for _, u := range answer.Usage {
		switch u.Unit {
		case "bytes":
			usage.Bytes = u.Used
		case "inodes":
			usage.Inodes = u.Used
		}
	}
	return usage, nil
}

// Expand implements mctr.VolumeExpander. What is left for the node is done with the volume's next use.
func (d *Driver) Expand(ctx context.Context, v mctr.NamedVolume, size int64) (mctr.NamedVolume, error) {
	r, err := d.record(v)
	if err != nil {
		return v, err
	}
	answer, err := d.do(ctx, &csi.Request{Verb: csi.VerbExpand, Volume: identity(r), Size: csi.Size{Required: size},
		Timeout: csi.Duration(changeTime)})
	if err != nil {
		return v, err
	}
	v.Size = max(size, answer.Record.Bytes)
	return v, nil
}

// Probe asks a plugin what it is and can, and waits until it is ready or ctx ends.
func (d *Driver) Probe(ctx context.Context, plugin csi.Plugin) (*csi.Info, error) {
	answer, err := d.run(ctx, &csi.Request{Verb: csi.VerbProbe, Plugin: plugin, Timeout: csi.Duration(askTime)})
	if err != nil {
		return nil, err
	}
	return answer.Info, nil
}

// record returns what is known of a volume. The error wraps mctr.ErrNotFound if nothing is.
func (d *Driver) record(v mctr.NamedVolume) (*csi.Record, error) {
	named := csi.Volume{Plugin: v.Options[optionPlugin], Name: v.Name}
	r, err := d.Store.Read(named.Key())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: csi volume %s: it has no record below %s", mctr.ErrNotFound, &named, d.Store.Dir())
	}
	return r, err
}

// identity returns the volume of a record as far as a request needs it.
func identity(r *csi.Record) *csi.Volume {
	return &csi.Volume{Plugin: r.Volume.Plugin, Owner: r.Volume.Owner, Name: r.Volume.Name,
		SecretNames: r.Volume.SecretNames}
}

// do has a request about a volume done by its plugin, with the secrets that the volume names.
func (d *Driver) do(ctx context.Context, r *csi.Request) (*csi.Answer, error) {
	registration, err := d.Plugins.Get(r.Volume.Plugin)
	if err != nil {
		return nil, err
	}
	if r.Secrets, err = resolve(r.Verb, r.Volume.SecretNames); err != nil {
		return nil, fmt.Errorf("csi volume %s: %w", r.Volume, err)
	}
	r.Plugin = registration.Plugin
	return d.run(ctx, r)
}

// run runs mctr-csi for a request, once the plugin listens.
func (d *Driver) run(ctx context.Context, r *csi.Request) (*csi.Answer, error) {
	if d.runner.Program == "" {
		return nil, fmt.Errorf("%w: csi: mctr-csi is neither beside this program nor in $PATH", mctr.ErrUnsupported)
	}
	if err := await(ctx, r.Plugin, patience(r)); err != nil {
		if r.Volume != nil {
			err = fmt.Errorf("csi volume %s: %w", r.Volume, err)
		}
		return nil, err
	}
	r.Root, r.Timeout = d.root, cmp.Or(r.Timeout, csi.Duration(changeTime))
	return d.runner.Do(ctx, r)
}
