// Package secret is the volume/secret isolator: it gives containers secrets, as read-only files and as
// variables of the environment.
//
// Launch: Complete, which takes the values out of the config that is recorded; Check; Keep, which stores
// these values; Prepare, which writes the files, for the engine to bind, and returns the variables,
// which reach the engine in memory. A secret in a file of the host is read at each start. On disk: the
// lock STATE/secrets.lock and, from the first secret to the last, the empty directory STATE/secrets. In
// the kernel: a tmpfs that is mounted there meanwhile. In it, ID/values has what callers gave, until the
// container is removed, and ID/files what is mounted, until Cleanup. Recovery: directories of unknown
// containers. Values survive a restart of the agent, and end with the boot. Mesos:
// isolators/volume/secret, isolators/environment_secret.
package secret

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/isolators"
)

const name = "volume/secret"

// New returns the isolator for containers below state. jobs reads the files of secrets, because a
// network filesystem may hang.
func New(state string, jobs *helper.Runner) isolators.Isolator {
	return &isolator{vault: vault{dir: filepath.Join(state, "secrets")}, jobs: jobs}
}

type isolator struct {
	isolators.Base
	vault vault
	jobs  *helper.Runner
}

func (*isolator) Name() string { return name }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{mctr.VolumeSecret} }

// Check refuses secrets without a source, and variables that would not stay in memory.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, s := range secretsOf(config) {
		if err := s.check(); err != nil {
			return err
		}
	}
	for _, v := range config.Volumes {
		if v.Type != mctr.VolumeSecret {
			continue
		}
		if _, err := modeOf(v); err != nil {
			return err
		}
		if len(v.Options) > 0 {
			return fmt.Errorf("%w: volumes.options for the secret at %s: it has none", mctr.ErrInvalid, v.Target)
		}
	}
	return checkNames(config)
}

// checkNames refuses variables with names that are not valid or given twice, and all of them with an OCI
// runtime, which reads the environment from a file.
func checkNames(config *mctr.ContainerConfig) error {
	if len(config.Process.SecretEnv) > 0 && config.Runtime != "" {
		return &mctr.UnsupportedError{
			Feature: "process.secret_env with config.runtime " + filepath.Base(config.Runtime),
			Why:     "OCI runtimes read the environment from config.json, on disk",
			Remedy:  "mount the secret as a file, or use the built-in runtime",
		}
	}
	seen := map[string]string{}
	for _, variable := range config.Process.Env {
		name, _, _ := strings.Cut(variable, "=")
		seen[name] = "process.env"
	}
	for _, v := range config.Process.SecretEnv {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") {
			return fmt.Errorf("%w: process.secret_env: name %q: want a name without \"=\"", mctr.ErrInvalid, v.Name)
		}
		if field := seen[v.Name]; field != "" {
			return fmt.Errorf("%w: process.secret_env: %s is also in %s", mctr.ErrInvalid, v.Name, field)
		}
		seen[v.Name] = "process.secret_env"
	}
	return nil
}

// modeOf returns the mode of the file of a secret.
func modeOf(v mctr.Volume) (uint32, error) {
	if v.Mode == "" {
		return 0o400, nil
	}
	mode, err := strconv.ParseUint(v.Mode, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, fmt.Errorf("%w: volumes.mode %q for %s: want octal digits from 0000 to 0777", mctr.ErrInvalid, v.Mode,
			v.Target)
	}
	return uint32(mode), nil
}

// Complete takes the values out of config. Secrets are always read-only.
func (*isolator) Complete(_ context.Context, _ mctr.ContainerID, config *mctr.ContainerConfig) (string, error) {
	config.Volumes, config.Process.SecretEnv = slices.Clone(config.Volumes), slices.Clone(config.Process.SecretEnv)
	for _, s := range secretsOf(config) {
		if err := s.check(); err != nil { // Check sees no values any more
			return "", err
		}
	}
	for n := range config.Volumes {
		v := &config.Volumes[n]
		if v.Type == mctr.VolumeSecret {
			v.ReadOnly = true
			withdraw(&v.Source, &v.Value)
		}
	}
	for n := range config.Process.SecretEnv {
		withdraw(&config.Process.SecretEnv[n].Source, &config.Process.SecretEnv[n].Value)
	}
	return "", nil
}

func withdraw(source *string, value *mctr.SecretValue) {
	if *value != nil {
		*source, *value = mctr.SecretGiven, nil
	}
}

// Locate returns nil: the files exist only while the container runs.
func (*isolator) Locate(context.Context, mctr.Handle, *mctr.Handle, mctr.Volume) (*isolators.Location, error) {
	return nil, nil
}
