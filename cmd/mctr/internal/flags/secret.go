package flags

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/mctr/mctr"
)

// The references that this program resolves itself, and the configs of the library do not have.
const (
	fromVariable = "env:"
	fromStdin    = "-"
)

// secretsDir is where the files of secrets are by default, as with podman.
const secretsDir = "/run/secrets"

// secretFlags sets the secrets of --secret.
func (l *Launch) secretFlags(c *mctr.ContainerConfig) error {
	for _, s := range l.secrets {
		v, variable, err := parseSecret(s)
		if err != nil {
			return fmt.Errorf("%w: --secret %s: %w", mctr.ErrInvalid, s, err)
		}
		if variable {
			c.Process.SecretEnv = append(c.Process.SecretEnv, mctr.SecretVariable{Name: v.Target, Source: v.Source})
			continue
		}
		if !path.IsAbs(v.Target) && !l.NoImage { // without an image, the place is in the sandbox
			v.Target = path.Join(secretsDir, v.Target)
		}
		c.Volumes = append(c.Volumes, v)
	}
	return nil
}

// parseSecret reads REF[,KEY=VALUE...]. Of a variable, the target is the name.
func parseSecret(s string) (v mctr.Volume, variable bool, err error) {
	v.Type = mctr.VolumeSecret
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return v, false, err
	}
	if v.Source = fields[0]; v.Source != fromStdin && !strings.HasPrefix(v.Source, mctr.SecretFile) &&
		!strings.HasPrefix(v.Source, fromVariable) {
		return v, false, errors.New("want file:/PATH, env:NAME or - before the options")
	}
	for _, field := range fields[1:] {
		key, value, valued := strings.Cut(field, "=")
		switch key = strings.ToLower(key); {
		case key == "type" && (value == "mount" || value == "env"):
			variable = value == "env"
		case key == "type":
			err = fmt.Errorf("type=%s: want mount or env", value)
		case key == "target", key == "mode", key == "uid", key == "gid":
			err = setMountField(&v, key, value, valued)
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return v, false, err
		}
	}
	if v.Target == "" {
		_, name, _ := strings.Cut(v.Source, ":")
		v.Target = path.Base(name)
	}
	switch {
	case v.Target == ".", v.Target == "/":
		return v, false, errors.New("want a target")
	case variable && (v.Mode != "" || v.UID != nil || v.GID != nil):
		return v, false, errors.New("a variable has no mode, uid and gid")
	}
	return v, variable, nil
}

// readSecrets reads the secrets that this program has: variables, and stdin unless the container has it.
func (l *Launch) readSecrets(c *mctr.ContainerConfig) error {
	var stdin io.Reader = os.Stdin
	if l.Stdin {
		stdin = nil
	}
	return readSecrets(c, &stdin)
}

// readSecrets replaces the references to variables and to stdin in c by values. It sets stdin to nil when
// it has read from it; nil cannot be read.
func readSecrets(c *mctr.ContainerConfig, stdin *io.Reader) error {
	for n := range c.Volumes {
		if v := &c.Volumes[n]; v.Type == mctr.VolumeSecret {
			if err := readSecret(&v.Source, &v.Value, stdin); err != nil {
				return fmt.Errorf("%w: the secret for %s: %w", mctr.ErrInvalid, v.Target, err)
			}
		}
	}
	for n := range c.Process.SecretEnv {
		v := &c.Process.SecretEnv[n]
		if err := readSecret(&v.Source, &v.Value, stdin); err != nil {
			return fmt.Errorf("%w: the secret for %s: %w", mctr.ErrInvalid, v.Name, err)
		}
	}
	return nil
}

func readSecret(source *string, value *mctr.SecretValue, stdin *io.Reader) error {
	name, variable := strings.CutPrefix(*source, fromVariable)
	switch {
	case variable:
		text, set := os.LookupEnv(name)
		if !set {
			return fmt.Errorf("the variable %s is not set", name)
		}
		*source, *value = "", mctr.SecretValue(text)
	case *source == fromStdin:
		if *stdin == nil {
			return errors.New("stdin is in use already, by --interactive, --group or another secret")
		}
		data, err := io.ReadAll(io.LimitReader(*stdin, mctr.MaxSecret+1)) // the library refuses one that is too large
		if err != nil {
			return fmt.Errorf("read stdin: %w", err)
		}
		*source, *value, *stdin = "", data, nil
	}
	return nil
}
