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

// schema is the version of an attachment's record. Newer ones are refused.
const schema = 1

// The states of an attachment.
const (
	Adding    = "adding"    // ADD was asked and has not answered, or its answer was refused
	Attached  = "attached"  // ADD answered
	Detaching = "detaching" // DEL was asked and has not succeeded
)

// An Attachment is a container's interface in a network, as it is recorded. The
// record stands before ADD is asked and goes when DEL has succeeded.
type Attachment struct {
	Schema    int              `json:"schema"`
	Container mctr.ContainerID `json:"container"`
	ID        string           `json:"id"` // CNI_CONTAINERID
	Interface string           `json:"interface"`
	Index     int              `json:"index"` // the order in the container
	Network   string           `json:"network"`
	State     string           `json:"state"`

	// What ADD was asked, and DEL is.
	Config       json.RawMessage `json:"config"`
	Args         [][2]string     `json:"args,omitempty"`
	Capabilities map[string]any  `json:"capabilities,omitempty"`
	PluginDirs   []string        `json:"plugin_dirs"` // where the attaching process found the plugins

	Answer json.RawMessage `json:"answer,omitempty"` // of the last plugin that ADD came to

	Ports   []mctr.Port `json:"ports,omitempty"`
	Result  *Result     `json:"result,omitempty"`
	Added   time.Time   `json:"added,omitzero"`
	Failure string      `json:"failure,omitempty"` // of the last DEL
	Failed  int         `json:"failed,omitempty"`  // how often DEL has failed
	Retry   time.Time   `json:"retry,omitzero"`    // no DEL by itself before
}

// The records of all attachments of one root: a file for each.
type records struct{ root string }

func (r records) dir() string { return filepath.Join(r.root, "attachments") }

// cniID names an attachment to plugins. Calico calls its interface by the first 11
// characters, which must therefore be different for all attachments of a host,
// also for two of one container, and takes lower case only.
func (r records) cniID(id mctr.ContainerID, ifname string) string {
	sum := sha256.Sum256([]byte(r.root + "\x00" + string(id) + "\x00" + ifname))
	return hex.EncodeToString(sum[:16])
}

func (r records) record(id mctr.ContainerID, ifname string) string {
	return filepath.Join(r.dir(), id.Hash()+"."+ifname+".json")
}

func lockOf(record string) string { return strings.TrimSuffix(record, ".json") + ".lock" }

func (r records) path(a *Attachment) string { return r.record(a.Container, a.Interface) }

// AttachmentsOf lists a container's attachments in their order.
func (r records) AttachmentsOf(id mctr.ContainerID) ([]*Attachment, error) {
	return r.list(func(name string) bool { return strings.HasPrefix(name, id.Hash()+".") })
}

// Attachments lists all of this root. It goes on past records that cannot be read.
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
		case errors.Is(err, fs.ErrNotExist): // detached meanwhile
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
		return nil, fmt.Errorf("%w: %s has schema %d, this mctr knows up to %d", mctr.ErrUnsupported, path, a.Schema,
			schema)
	}
	if a.Container.Validate() != nil || a.Interface == "" ||
		filepath.Base(path) != a.Container.Hash()+"."+a.Interface+".json" {
		return nil, fmt.Errorf("%w: %s is not an attachment's record", mctr.ErrInvalid, path)
	}
	return a, nil
}

// writeIntent records durably what is about to be asked.
func (r records) writeIntent(a *Attachment) error {
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteDurableJSON(r.path(a), a)
}

func (r records) save(a *Attachment) error { return atomicfile.WriteJSON(r.path(a), a) }

// deleteRecord drops the record of an attachment that is no more.
func (r records) deleteRecord(a *Attachment) error {
	path := r.path(a)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DefaultDNS is what the attachment's network gives containers whose plugins name
// no servers: the list's "mctr": {"dns": ...}, as it stood at ADD.
func (n *Networks) DefaultDNS(a *Attachment) mctr.DNS {
	list, err := networks.Parse(a.Config)
	if err != nil || list.Definition == nil {
		return mctr.DNS{}
	}
	return list.Definition.DNS
}

// conf is how libcni is told of it.
func (n *Networks) conf(a *Attachment, netns string) *libcni.RuntimeConf {
	return &libcni.RuntimeConf{ContainerID: a.ID, NetNS: netns, IfName: a.Interface, Args: a.Args,
		CapabilityArgs: a.Capabilities}
}
