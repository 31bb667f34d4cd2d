package cephfs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// A Spec is what to mount. It has no secret: KeyFile is a path.
type Spec struct {
	Monitors   []string          `json:"monitors"`             // HOST, HOST:PORT or [IPv6]:PORT
	Filesystem string            `json:"filesystem,omitempty"` // "": the cluster's default
	Path       string            `json:"path"`                 // the directory to mount, absolute
	Client     string            `json:"client"`               // the name without "client."
	KeyFile    string            `json:"key_file"`             // an absolute path: a keyring, or a key alone
	Options    map[string]string `json:"options,omitempty"`    // client_* and ms_* of Ceph's configuration
	ReadOnly   bool              `json:"read_only,omitempty"`
}

var (
	monitorAddress = regexp.MustCompile(`^([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	entityName     = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	optionName     = regexp.MustCompile(`^(client|ms)_[a-z0-9_]+$`)
)

// reserved are the options that Spec has fields for, or that this package sets.
var reserved = []string{"client_mountpoint", "client_fs", "client_mds_namespace", "client_mount_timeout"}

// Validate returns an error that wraps mctr.ErrInvalid and names the field if s cannot be mounted.
func (s Spec) Validate() error {
	invalid := func(field, value, want string) error {
		return fmt.Errorf("%w: %s %q: want %s", mctr.ErrInvalid, field, value, want)
	}
	if len(s.Monitors) == 0 {
		return invalid("monitors", "", "HOST[:PORT],...")
	}
	for _, m := range s.Monitors {
		if !monitorAddress.MatchString(m) {
			return invalid("monitors", m, "HOST, HOST:PORT or [IPv6]:PORT")
		}
	}
	switch {
	case s.Filesystem != "" && !entityName.MatchString(s.Filesystem):
		return invalid("filesystem", s.Filesystem, "letters, digits, dots, dashes and underscores")
	case !entityName.MatchString(s.Client):
		return invalid("client", s.Client, `a name without "client.": letters, digits, dots, dashes and underscores`)
	case !isPath(s.Path):
		return invalid("path", s.Path, "an absolute path without .. and control characters")
	case !isPath(s.KeyFile):
		return invalid("key_file", s.KeyFile, "the absolute path of a file with the client's key")
	}
	for name, value := range s.Options {
		switch {
		case !optionName.MatchString(name) || slices.Contains(reserved, name):
			return invalid("option", name, "an option of Ceph's client, client_... or ms_..., that mctr does not set")
		case strings.ContainsFunc(value, isControl):
			return invalid("option "+name, value, "a value without control characters")
		}
	}
	return nil
}

func isPath(path string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && !strings.ContainsFunc(path, isControl)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// String names the mount in errors.
func (s Spec) String() string {
	return fmt.Sprintf("cephfs %s:%s as client.%s of the monitors %s", cmp.Or(s.Filesystem, "(default)"), s.Path,
		s.Client, strings.Join(s.Monitors, ","))
}

// hash names the mounts of s. It is short because the path of a Unix socket must be.
func (s Spec) hash() string {
	data, _ := json.Marshal(s) // maps are sorted; strings always encode
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
