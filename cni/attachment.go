package cni

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containernetworking/cni/libcni"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
	"github.com/mctr/mctr/internal/atomicfile"
)

// schema is the version of an attachment's record. A record of a newer version is refused.
const schema = 1

// The states of an attachment.
const (
	Adding    = "adding"    // ADD has begun, or its answer was refused
	Attached  = "attached"  // ADD succeeded
	Detaching = "detaching" // DEL has begun and has not succeeded
)

// An Attachment is the record of a container's interface in a network. The record is written before
// ADD and removed when DEL has succeeded.
type Attachment struct {
	Schema    int              `json:"schema"`
	Container mctr.ContainerID `json:"container"`
	ID        string           `json:"id"` // CNI_CONTAINERID
	Interface string           `json:"interface"`
	Index     int              `json:"index"` // the position among the container's interfaces
	Network   string           `json:"network"`
	State     string           `json:"state"`

	// The arguments of ADD. DEL gets the same ones.
	Config       json.RawMessage `json:"config"`
	Args         [][2]string     `json:"args,omitempty"`
	Capabilities map[string]any  `json:"capabilities,omitempty"`
	PluginDirs   []string        `json:"plugin_dirs"` // where the attaching process found the plugins

	Answer json.RawMessage `json:"answer,omitempty"` // of the last plugin that answered ADD

	Ports   []mctr.Port `json:"ports,omitempty"`
	Result  *Result     `json:"result,omitempty"`
	Added   time.Time   `json:"added,omitzero"`
	Failure string      `json:"failure,omitempty"` // the error of the last DEL
	Failed  int         `json:"failed,omitempty"`  // the number of failed DELs
	Retry   time.Time   `json:"retry,omitzero"`    // RetryDue does not ask for DEL before this time
}

// records are the attachments of one root, with a file for each.
type records struct{ root string }

func (r records) dir() string { return filepath.Join(r.root, "attachments") }

// cniID is the id of an attachment in the terms of plugins. Calico names its interface after the
// first 11 characters, and accepts only lower case. The beginning must therefore differ between all
// attachments of a host, including those of one container.
func (r records) cniID(id mctr.ContainerID, ifname string) string {
	sum := sha256.Sum256([]byte(r.root + "\x00" + string(id) + "\x00" + ifname))
	return hex.EncodeToString(sum[:16])
}

func (r records) record(id mctr.ContainerID, ifname string) string {
	return filepath.Join(r.dir(), id.Hash()+"."+ifname+".json")
}

func lockOf(record string) string { return strings.TrimSuffix(record, ".json") + ".lock" }

func (r records) path(a *Attachment) string { return r.record(a.Container, a.Interface) }

// AttachmentsOf returns a container's attachments in order of their index.
func (r records) AttachmentsOf(id mctr.ContainerID) ([]*Attachment, error) {
	return r.list(func(name string) bool { return strings.HasPrefix(name, id.Hash()+".") })
}

// Attachments returns all attachments of this root. It goes on past records that cannot be read,
// and returns their errors joined.
func (r records) Attachments() ([]*Attachment, error) {
	return r.list(func(string) bool { return true })
}

func (r records) list(want func(name string) bool) ([]*Attachment, error) {
	entries, err := os.ReadDir(r.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []*Attachment
	var errs []error
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" || atomicfile.IsTemp(e.Name()) || !want(e.Name()) {
			continue
		}
		a, err := load(filepath.Join(r.dir(), e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // detached since the directory was read
		case err != nil:
			errs = append(errs, err)
		default:
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b *Attachment) int { return a.Index - b.Index })
	return list, errors.Join(errs...)
}

func load(path string) (*Attachment, error) {
	a := &Attachment{}
	if err := atomicfile.ReadJSON(path, a); err != nil {
		return nil, err
	}
	if a.Schema > schema {
		return nil, fmt.Errorf("%w: %s has schema %d: this mctr reads up to %d", mctr.ErrUnsupported, path, a.Schema,
			schema)
	}
	if a.Container.Validate() != nil || a.Interface == "" ||
		filepath.Base(path) != a.Container.Hash()+"."+a.Interface+".json" {
		return nil, fmt.Errorf("%w: %s is not the record of an attachment", mctr.ErrInvalid, path)
	}
	return a, nil
}

// writeIntent records an attachment durably before its ADD.
func (r records) writeIntent(a *Attachment) error {
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteDurableJSON(r.path(a), a)
}

func (r records) save(a *Attachment) error { return atomicfile.WriteJSON(r.path(a), a) }

func (r records) deleteRecord(a *Attachment) error {
	path := r.path(a)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DefaultDNS returns the name servers of a container whose plugins name none. They are in the
// network's list, as "mctr": {"dns": ...}, and are those of the time of the ADD.
func (n *Networks) DefaultDNS(a *Attachment) mctr.DNS {
	list, err := networks.Parse(a.Config)
	if err != nil || list.Definition == nil {
		return mctr.DNS{}
	}
	return list.Definition.DNS
}

// conf returns the attachment in the terms of libcni.
func (n *Networks) conf(a *Attachment, netns string) *libcni.RuntimeConf {
	return &libcni.RuntimeConf{ContainerID: a.ID, NetNS: netns, IfName: a.Interface, Args: a.Args,
		CapabilityArgs: a.Capabilities}
}
