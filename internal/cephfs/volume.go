package cephfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
)

// DriverName is the driver of named volumes in CephFS, and the type of these volumes in configs.
const DriverName = "cephfs"

// A Volume is what the options of a named volume ask for.
type Volume struct {
	Spec      Spec
	Directory string // below Spec.Path, the root of the volume; "": Spec.Path itself
	Create    bool   // make Directory
	Quota     *Quota // to set on Directory; nil: leave it as it is
}

// ParseVolume understands the options of a named volume. The error wraps mctr.ErrInvalid and names the
// option.
func ParseVolume(options map[string]string) (v Volume, err error) {
	v.Spec = Spec{Path: "/", Client: "admin"}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if err := v.set(name, options[name]); err != nil {
			return v, fmt.Errorf("%w: option %s=%s: %v", mctr.ErrInvalid, name, options[name], err)
		}
	}
	if v.Create && v.Directory == "" {
		return v, fmt.Errorf("%w: option create: want the option directory too, the directory to make below path",
			mctr.ErrInvalid)
	}
	return v, v.Spec.Validate()
}

func (v *Volume) set(name, value string) (err error) {
	switch name {
	case "mon":
		v.Spec.Monitors = strings.Split(value, ",")
	case "fs":
		v.Spec.Filesystem = value
	case "path":
		v.Spec.Path = filepath.Clean(value)
	case "client":
		v.Spec.Client = strings.TrimPrefix(value, "client.")
	case "key-file":
		v.Spec.KeyFile = value
	case "read-only":
		v.Spec.ReadOnly, err = strconv.ParseBool(value)
	case "directory":
		if v.Directory = filepath.Clean(value); !filepath.IsLocal(value) || strings.ContainsFunc(value, isControl) {
			err = errors.New("want a relative path that does not lead upwards")
		}
	case "create":
		v.Create, err = strconv.ParseBool(value)
	case "quota-bytes":
		err = v.setLimit(value, func(q *Quota) *int64 { return &q.Bytes })
	case "quota-files":
		err = v.setLimit(value, func(q *Quota) *int64 { return &q.Files })
	default:
		if !optionName.MatchString(name) {
			return errors.New("want mon, fs, path, client, key-file, read-only, directory, create, quota-bytes, " +
				"quota-files, or an option client_... or ms_... of Ceph")
		}
		if v.Spec.Options == nil {
			v.Spec.Options = map[string]string{}
		}
		v.Spec.Options[name] = value
	}
	return err
}

func (v *Volume) setLimit(value string, field func(*Quota) *int64) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return errors.New("want a number, 0 for no limit")
	}
	if v.Quota == nil {
		v.Quota = &Quota{}
	}
	*field(v.Quota) = n
	return nil
}

// Driver returns the driver of named volumes in CephFS.
func (m *Mounts) Driver() mctr.VolumeDriver { return driver{m} }

type driver struct{ mounts *Mounts }

func (driver) Name() string { return DriverName }

// Create checks the options, and makes the directory and sets the quota that they ask for. Without these
// it does not contact the cluster.
func (d driver) Create(ctx context.Context, v mctr.NamedVolume) (mctr.NamedVolume, error) {
	asked, err := ParseVolume(v.Options)
	if err != nil {
		return v, err
	}
	if _, err := openKey(asked.Spec.KeyFile); err != nil {
		return v, err
	}
	if !asked.Create && asked.Quota == nil {
		return v, nil
	}
	return v, d.mounts.With(ctx, asked.Spec, func(root string) error {
		if asked.Create {
			if err := d.mounts.MakeDirectory(ctx, root, asked.Directory); err != nil {
				return err
			}
		}
		if asked.Quota != nil {
			return d.mounts.SetQuota(ctx, root, asked.Directory, *asked.Quota)
		}
		return nil
	})
}

// Remove leaves the files alone: other hosts may use them.
func (driver) Remove(context.Context, mctr.NamedVolume) error { return nil }

// Usage returns nil unless the volume is mounted and healthy.
func (d driver) Usage(ctx context.Context, v mctr.NamedVolume) (*mctr.VolumeUsage, error) {
	asked, err := ParseVolume(v.Options)
	if err != nil {
		return nil, err
	}
	root, err := d.mounts.healthyRoot(ctx, asked.Spec)
	if err != nil || root == "" {
		return nil, err
	}
	return d.mounts.Usage(ctx, root, asked.Directory)
}

// healthyRoot returns the mount point of a healthy mount of s, or "" if there is none.
func (m *Mounts) healthyRoot(ctx context.Context, s Spec) (string, error) {
	names, err := m.names()
	for _, name := range slices.Backward(names) {
		if hash, _, _ := parseName(name); hash != s.hash() {
			continue
		}
		h, err := m.Probe(ctx, m.load(name).root())
		if err == nil && h.State == Healthy {
			return m.load(name).root(), nil
		}
	}
	return "", err
}
