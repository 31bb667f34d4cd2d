package containerizer

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/plaintext"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/logs"
)

// Check asks every isolator whether config is valid and can be honoured on this host. It
// makes nothing.
func (c *Containerizer) Check(ctx context.Context, config *mctr.ContainerConfig) error {
	if err := checkConfig(config); err != nil {
		return err
	}
	named := struct { // a field of one word has "config." before its name
		Config *mctr.ContainerConfig `json:"config"`
	}{config}
	if err := plaintext.Check(named); err != nil {
		return err
	}
	if err := logs.Config(config.Log).Validate(); err != nil {
		return err
	}
	if _, err := findRuntime(config.Runtime); err != nil {
		return err
	}
	if !config.Restart.Never() && config.Remove {
		return fmt.Errorf("%w: a restart policy and config.remove: what is removed cannot be started again",
			mctr.ErrInvalid)
	}
	if config.Image == "" && (config.Platform != "" || config.Pull != "" && config.Pull != "missing") {
		return fmt.Errorf("%w: config.platform %s and config.pull %s: there is no image to choose or to ask for",
			mctr.ErrInvalid, config.Platform, config.Pull)
	}
	if config.MaxCompletion < 0 {
		return fmt.Errorf("%w: max_completion %v: want more than 0", mctr.ErrInvalid, config.MaxCompletion)
	}
	if err := checkProbes(config); err != nil {
		return err
	}
	if err := c.checkVolumes(config.Volumes); err != nil {
		return err
	}
	if len(config.Process.SecretEnv) > 0 && !slices.ContainsFunc(c.isolators, keepsValues) {
		return &mctr.UnsupportedError{Feature: "process.secret_env", Why: "no isolator of the table keeps secrets",
			Remedy: "use builtin.Table, which has volume/secret"}
	}
	for _, i := range c.isolators {
		if err := i.Check(ctx, config); err != nil {
			return fmt.Errorf("%s: %w", i.Name(), err)
		}
	}
	return checkShim(ctx, c, config)
}

// findRuntime returns the absolute path of an OCI runtime, given by name or path, and ""
// for the built-in one. The error wraps mctr.ErrNotFound.
func findRuntime(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("%w: runtime %q: %w (install it, or give its path)", mctr.ErrNotFound, name, err)
	}
	return path, nil
}

// checkProbes returns an error for a probe that is not valid.
func checkProbes(config *mctr.ContainerConfig) error {
	if h := config.Health; h != nil {
		if err := h.Validate(); err != nil {
			return err
		}
		if h.Image && config.Image == "" {
			return fmt.Errorf("%w: health check: the image's, and there is no image", mctr.ErrInvalid)
		}
	}
	if config.Ready == nil {
		return nil
	}
	if config.Ready.Image || config.Ready.Disabled {
		return fmt.Errorf("%w: readiness check: exactly one of command, http and tcp", mctr.ErrInvalid)
	}
	return config.Ready.Validate()
}

// checkVolumes refuses targets at which nothing can be mounted, and types that no isolator mounts.
func (c *Containerizer) checkVolumes(volumes []mctr.Volume) error {
	for _, v := range volumes {
		if mounterOf(c.isolators, v) == nil {
			var types []string
			for _, i := range c.isolators {
				types = append(types, i.(isolators.VolumeMounter).VolumeTypes()...)
			}
			return fmt.Errorf("%w: volumes.type %s at %s: want one of %s", mctr.ErrInvalid, v.Type, v.Target,
				strings.Join(types, ", "))
		}
	}
	return mctr.CheckVolumes(volumes)
}

// mounterOf returns the isolator that mounts v, or nil. The isolators are guarded.
func mounterOf(table []isolators.Isolator, v mctr.Volume) isolators.VolumeMounter {
	for _, i := range table {
		if m := i.(isolators.VolumeMounter); slices.Contains(m.VolumeTypes(), v.Type) {
			return m
		}
	}
	return nil
}

// keepsValues returns true for an isolator, which is guarded, that keeps what must not be recorded.
func keepsValues(i isolators.Isolator) bool {
	_, keeps := i.(*guarded).Isolator.(isolators.Keeper)
	return keeps
}

// checkConfig returns an error for a nil config.
func checkConfig(config *mctr.ContainerConfig) error {
	if config == nil {
		return fmt.Errorf("%w: the container's config is nil", mctr.ErrInvalid)
	}
	return nil
}
