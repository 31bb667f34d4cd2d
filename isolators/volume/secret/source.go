package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mctr/mctr"
)

// readTime bounds the read of a file. A file that does not answer in time counts as hung.
const readTime = 5 * time.Second

// A secret is one secret of a config, a file or a variable.
type secret struct {
	what, field string // for errors, which never show the value
	key         string // the file of its value in the container's values
	source      string
	value       mctr.SecretValue
	variable    string // its name; "": a file
}

func secretsOf(config *mctr.ContainerConfig) (list []secret) {
	for n, v := range config.Volumes {
		if v.Type == mctr.VolumeSecret {
			list = append(list, volume(n, v))
		}
	}
	for n, v := range config.Process.SecretEnv {
		list = append(list, secret{what: v.Name, field: "process.secret_env", key: "variable-" + strconv.Itoa(n),
			source: v.Source, value: v.Value, variable: v.Name})
	}
	return list
}

// volume returns the secret of volume n.
func volume(n int, v mctr.Volume) secret {
	return secret{what: v.Target, field: "volumes.source of the secret", key: "volume-" + strconv.Itoa(n),
		source: v.Source, value: v.Value}
}

// check refuses a secret without a source or with two, and a value that cannot be used.
func (s secret) check() error {
	path, file := strings.CutPrefix(s.source, mctr.SecretFile)
	switch {
	case file && s.value != nil:
		return s.invalid("it has both a file and a value")
	case file && !filepath.IsAbs(path):
		return s.invalid("want an absolute path after " + mctr.SecretFile)
	case file, s.source == mctr.SecretGiven && s.value == nil:
		return nil
	case s.source != "" && s.source != mctr.SecretGiven, s.value == nil:
		return s.invalid("want " + mctr.SecretFile + "/PATH, or a value")
	}
	return s.checkValue(s.value)
}

// checkValue refuses a value that is empty, too large or, of a variable, not possible in an environment.
func (s secret) checkValue(value []byte) error {
	const variable = 128<<10 - 1 // with NAME= and the final NUL (MAX_ARG_STRLEN, execve(2))
	switch {
	case len(value) == 0:
		return s.invalid("the value is empty")
	case len(value) > mctr.MaxSecret:
		return s.invalid(fmt.Sprintf("the value is larger than %d bytes", mctr.MaxSecret))
	case s.variable == "":
	case bytes.IndexByte(value, 0) >= 0, !utf8.Valid(value):
		return s.invalid("the value of a variable must be UTF-8 without NUL (mount the secret as a file)")
	case len(s.variable)+1+len(value) > variable:
		return s.invalid(fmt.Sprintf("a variable is at most %d bytes (mount the secret as a file)", variable))
	}
	return nil
}

func (s secret) invalid(why string) error {
	return fmt.Errorf("%w: %s for %s: %s", mctr.ErrInvalid, s.field, s.what, why)
}

// read returns the value from the file of the host, or the one that the caller gave.
func (i *isolator) read(ctx context.Context, id mctr.ContainerID, s secret) (value []byte, err error) {
	if path, file := strings.CutPrefix(s.source, mctr.SecretFile); file {
		ctx, cancel := context.WithTimeout(ctx, readTime)
		defer cancel()
		value, err = i.jobs.ReadFile(ctx, path)
	} else if value, err = i.vault.get(id, s.key); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: the value that the container was created with was in memory only, and is lost, as after "+
			"a reboot (create the container anew, or use %s/PATH)", mctr.ErrState, mctr.SecretFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s for %s: %w", s.field, s.what, err)
	}
	return value, s.checkValue(value)
}
