package volumes

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// The limits of a launch and of a release. A release that is not over by then goes on in its process.
const (
	publishTime   = 2 * time.Minute
	unpublishTime = time.Minute
)

// Key returns the key of a volume of this driver in package csi.
func Key(v mctr.NamedVolume) string {
	return (&csi.Volume{Plugin: v.Options[optionPlugin], Name: v.Name}).Key()
}

// Publish makes a volume available to a container, until Unpublish. The answer has the path of the
// volume on this host and, for a block volume, the device. Again with the same arguments, it returns
// the same answer. The error names the volume, the node, and the container that has the volume.
func (d *Driver) Publish(ctx context.Context, v mctr.NamedVolume, to mctr.ContainerID,
	readonly bool) (*csi.Answer, error) {
	r, err := d.record(v)
	if err != nil {
		return nil, err
	}
	return d.do(ctx, &csi.Request{Verb: csi.VerbPublish, Volume: identity(r), Container: to, Readonly: readonly,
		Timeout: csi.Duration(publishTime)})
}

// Unpublish takes a volume, given by its key, from a container, and releases the volume if it was the
// last one. It succeeds if the container does not have the volume. It waits for a publish that has been
// given up.
func (d *Driver) Unpublish(ctx context.Context, key string, from mctr.ContainerID) error {
	r, err := d.settled(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := d.look()
	if err != nil || now.holders(r)[from] == "" {
		return err
	}
	_, err = d.do(ctx, &csi.Request{Verb: csi.VerbUnpublish, Volume: identity(r), Container: from,
		Timeout: csi.Duration(unpublishTime)})
	return err
}

// settled returns the record of a volume once no process works on it.
func (d *Driver) settled(ctx context.Context, key string) (*csi.Record, error) {
	if _, err := d.Store.Read(key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, unpublishTime)
	defer cancel()
	lock, err := d.Store.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	defer d.Store.Unlock(lock)
	return d.Store.Read(key)
}

// TargetPath returns the path at which a volume would be published to a container.
func (d *Driver) TargetPath(v mctr.NamedVolume, to mctr.ContainerID) (string, error) {
	r, err := d.record(v)
	if err != nil {
		return "", err
	}
	return d.Store.TargetPath(r, to), nil
}
