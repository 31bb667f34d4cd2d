package csi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/dirs"
)

// mostSocket is the longest path of a Unix socket (unix(7)).
const mostSocket = 107

// runPlugin registers a plugin, runs it in a container, and waits until it answers. What fails is undone;
// the registration is written first, so that rm finds what a killed process has left.
func runPlugin(ctx context.Context, h *hostapi.Host, d *volumes.Driver, f *addFlags, name string,
	command []string) error {
	plugin := csi.Plugin{Name: name, Socket: d.Plugins.Socket(name)}
	if err := plugin.Validate(); err != nil {
		return err
	}
	if len(plugin.Socket) > mostSocket {
		return fmt.Errorf("%w: the path of the plugin's socket is longer than %d bytes: %s (use a shorter --root)",
			mctr.ErrInvalid, mostSocket, plugin.Socket)
	}
	config, err := f.config(d, plugin, command)
	if err != nil {
		return err
	}
	containers, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	if err := dirs.MakeAll(filepath.Dir(plugin.Socket), 0o700); err != nil {
		return err
	}
	id := mctr.NewID()
	if err := d.Plugins.Add(csi.Registration{Plugin: plugin, Container: id}); err != nil {
		return err
	}
	options := containerizer.LaunchOptions{Detach: true, Progress: format.Progress(os.Stderr)}
	if _, err = containers.Launch(ctx, id, config, options); err == nil {
		if _, err = d.Probe(ctx, plugin); err != nil {
			err = fmt.Errorf("probe plugin %s (see mctr logs %s): %w", name, config.Name, err)
		}
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, mctr.ErrUnavailable) {
		return err // it stays, for its log; mctr csi plugin rm removes it
	}
	return errors.Join(err, removePlugin(context.WithoutCancel(ctx), h, d, name))
}

// config returns the config of a plugin's container.
func (f *addFlags) config(d *volumes.Driver, plugin csi.Plugin, command []string) (*mctr.ContainerConfig, error) {
	dir := d.Store.Dir()
	c := &mctr.ContainerConfig{Name: "csi-" + plugin.Name, Image: f.image, Network: mctr.NetworkHost,
		Restart: mctr.RestartPolicy{Name: mctr.RestartAlways}, Security: mctr.Security{Privileged: true},
		Volumes: []mctr.Volume{{Type: mctr.VolumeBind, Source: dir, Target: dir, Options: []string{"rshared"}},
			{Type: mctr.VolumeBind, Source: "/dev", Target: "/dev"}}}
	if f.command && len(command) == 0 {
		return nil, fmt.Errorf("%w: --command: want the COMMAND of the plugin", mctr.ErrInvalid)
	}
	if f.command {
		c.Process.Entrypoint = &[]string{}
	}
	c.Process.Args = command
	if _, err := flags.Pairs("--env", f.environ, false); err != nil {
		return nil, err
	}
	c.Process.Env = append(f.environ, "CSI_ENDPOINT=unix://"+plugin.Socket)
	for _, volume := range f.volumes {
		source, target, ok := strings.Cut(volume, ":")
		if !ok {
			target = source
		}
		c.Volumes = append(c.Volumes, mctr.Volume{Type: mctr.VolumeBind, Source: source, Target: target})
	}
	return c, nil
}
