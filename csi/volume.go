package csi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
)

// The access types of volumes.
const (
	Mount = "mount" // a filesystem
	Block = "block" // a block device
)

// A Plugin is a CSI plugin and where it listens.
type Plugin struct {
	Name   string `json:"name"`   // as GetPluginInfo returns it
	Socket string `json:"socket"` // absolute path
}

// A Volume is a volume as its user describes it. Owner and Name identify it on this node; the owner,
// which may be empty, keeps the names of several agents or tenants apart.
type Volume struct {
	Plugin string `json:"plugin"`
	Owner  string `json:"owner,omitempty"`
	Name   string `json:"name"`
	// ID is the volume_id of a volume that was made before; such a volume is validated, and never
	// deleted. Empty: the plugin makes the volume, and its record has the id.
	ID string `json:"id,omitempty"`

	AccessType  string     `json:"access_type,omitempty"` // Mount, the default, or Block
	AccessMode  AccessMode `json:"access_mode,omitempty"`
	Filesystem  string     `json:"filesystem,omitempty"`  // "": the plugin's default
	MountFlags  []string   `json:"mount_flags,omitempty"` // may be secret: never shown
	MountGroup  string     `json:"mount_group,omitempty"` // a gid, for a plugin with VOLUME_MOUNT_GROUP
	Readonly    bool       `json:"readonly,omitempty"`    // no container may write
	SecretNames SecretRefs `json:"secret_names,omitempty"`

	Size       Size              `json:"size"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Mutable    map[string]string `json:"mutable,omitempty"` // mutable_parameters
	Context    map[string]string `json:"context,omitempty"` // volume_context; of a volume with an ID, the user's
	Source     *Source           `json:"source,omitempty"`
	Requisite  []Segments        `json:"requisite,omitempty"` // topologies of which one must reach the volume
	Preferred  []Segments        `json:"preferred,omitempty"`
}

// A Size is a range of bytes. Zero: not limited.
type Size struct {
	Required int64 `json:"required,omitempty"`
	Limit    int64 `json:"limit,omitempty"`
}

// A Source is what a volume's content is copied from: one of the two.
type Source struct {
	SnapshotID string `json:"snapshot_id,omitempty"`
	VolumeID   string `json:"volume_id,omitempty"`
}

// Segments are a topology: {"zone": "Z1", "rack": "R3"}.
type Segments map[string]string

// SecretRefs are the names of the secrets of a volume by the call that needs them, for instance
// "NodeStageVolume". Their meaning is the caller's, who resolves them for each request.
type SecretRefs map[string]string

// Validate returns an error that wraps mctr.ErrInvalid and names the field that is not valid.
func (v *Volume) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: csi volume %s: "+format, append([]any{mctr.ErrInvalid, v}, args...)...)
	}
	switch {
	case v.Plugin == "":
		return bad("plugin: must not be empty")
	case v.Name == "":
		return bad("name: must not be empty")
	case strings.ContainsFunc(v.Name, isControl):
		return bad("name: has control characters")
	case v.AccessType != "" && v.AccessType != Mount && v.AccessType != Block:
		return bad("access_type: %q is not valid: want mount or block", v.AccessType)
	case v.IsBlock() && (v.Filesystem != "" || len(v.MountFlags) > 0 || v.MountGroup != ""):
		return bad("a block volume has no filesystem, mount_flags or mount_group")
	case v.Size.Required < 0 || v.Size.Limit < 0 || v.Size.Limit > 0 && v.Size.Required > v.Size.Limit:
		return bad("size: %d to %d is not valid", v.Size.Required, v.Size.Limit)
	case v.Source != nil && (v.Source.SnapshotID == "") == (v.Source.VolumeID == ""):
		return bad("source: want either snapshot_id or volume_id")
	case v.ID != "" && v.Source != nil:
		return bad("a volume that has an id has no source")
	}
	return v.AccessMode.validate()
}

// isControl returns true for the characters that CSI bans from names (spec, CreateVolumeRequest).
func isControl(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
}

// IsBlock returns true if the volume is a block device.
func (v *Volume) IsBlock() bool { return v.AccessType == Block }

// String returns the volume as errors name it.
func (v *Volume) String() string {
	if v.Owner == "" {
		return fmt.Sprintf("%q of plugin %s", v.Name, v.Plugin)
	}
	return fmt.Sprintf("%q of %s, of plugin %s", v.Name, v.Owner, v.Plugin)
}

// Key returns the name of the volume's record: a hash of plugin, owner and name.
func (v *Volume) Key() string { return hashOf(v.Plugin, v.Owner, v.Name) }

// hashOf returns 32 hex digits for a list of texts.
func hashOf(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d:%s,", len(text), text) // no two lists are the same text
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Validate returns an error that wraps mctr.ErrInvalid unless the plugin can be called.
func (p *Plugin) Validate() error {
	if err := ValidatePluginName(p.Name); err != nil {
		return err
	}
	if !filepath.IsAbs(p.Socket) {
		return fmt.Errorf("%w: csi plugin %q: socket %q: must be an absolute path", mctr.ErrInvalid, p.Name, p.Socket)
	}
	return nil
}

// Matches returns an error of KindIncompatible unless other describes the volume in the same way, or
// has its identity alone. Names of secrets may differ.
func (v *Volume) Matches(other *Volume) error {
	identity := Volume{Plugin: other.Plugin, Owner: other.Owner, Name: other.Name}
	mine, theirs := *v, *other
	mine.SecretNames, theirs.SecretNames = nil, nil
	if equal(&theirs, &identity) || equal(&mine, &theirs) {
		return nil
	}
	if theirs.ID == mine.ID {
		theirs.ID = ""
		if equal(&theirs, &identity) {
			return nil
		}
	}
	return &Error{Kind: KindIncompatible, Volume: v.String(),
		Message: "its record describes it differently (delete the volume, or give its name alone)"}
}

// equal compares what is recorded of two volumes.
func equal(a, b *Volume) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
