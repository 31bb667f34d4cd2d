package secret

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/saferoot"
)

// Prepare reads the secrets, and writes the files to mount. A dry run reads only the files of the host.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{}
	for n, v := range c.Config.Volumes {
		if v.Type != mctr.VolumeSecret {
			continue
		}
		mount, err := i.mount(ctx, c, n, v)
		if err != nil {
			return nil, err
		}
		a.Volumes = append(a.Volumes, mount)
	}
	for _, s := range secretsOf(c.Config) {
		if s.variable == "" || c.DryRun && s.source == mctr.SecretGiven {
			continue
		}
		value, err := i.read(ctx, c.ID, s)
		if err != nil {
			return nil, err
		}
		a.SecretEnv = append(a.SecretEnv, s.variable+"="+string(value))
	}
	return a, nil
}

// mount returns the mount of volume n, whose file it writes.
func (i *isolator) mount(ctx context.Context, c *mctr.Container, n int, v mctr.Volume) (m specs.Mount, err error) {
	f := file{id: c.ID, dir: files, name: mctr.ContainerID(filepath.Clean(v.Target)).Hash()}
	m = specs.Mount{Destination: filepath.Clean(v.Target), Type: "bind", Source: i.vault.path(f),
		Options: []string{"bind", "rprivate", "ro", "nosuid", "nodev", "noexec"}}
	if f.mode, err = modeOf(v); err != nil {
		return m, err
	}
	if f.uid, f.gid, err = owner(c, v); err != nil {
		return m, fmt.Errorf("find the owner of the secret at %s: %w", v.Target, err)
	}
	if c.DryRun && v.Source == mctr.SecretGiven {
		return m, nil
	}
	value, err := i.read(ctx, c.ID, volume(n, v))
	if err != nil || c.DryRun {
		return m, err
	}
	if err := i.vault.put(ctx, f, value); err != nil {
		return m, fmt.Errorf("write the secret for %s: %w", v.Target, err)
	}
	return m, failpoint.Hit("file/" + name)
}

// owner returns the owner of the file: by default the user of the process.
func owner(c *mctr.Container, v mctr.Volume) (uid, gid uint32, err error) {
	user := &saferoot.User{}
	if v.UID == nil || v.GID == nil {
		if user, err = saferoot.LookupUser(c.Rootfs, c.User(), nil); err != nil {
			return 0, 0, err
		}
	}
	return *cmp.Or(v.UID, &user.UID), *cmp.Or(v.GID, &user.GID), nil
}
