package csi

import (
	"fmt"
	"slices"
	"time"

	"github.com/mctr/mctr"
)

// The verbs of requests.
const (
	VerbProbe          = "probe"           // what the plugin is and can, and whether it is ready
	VerbValidate       = "validate"        // confirm that a volume that was made before can be used, and record it
	VerbCreate         = "create"          // make a volume, and record it
	VerbDelete         = "delete"          // delete a volume that the plugin made; forget one that was made before
	VerbPublish        = "publish"         // make a volume available to a container
	VerbUnpublish      = "unpublish"       // and no longer
	VerbExpand         = "expand"          // make a volume larger
	VerbModify         = "modify"          // change a volume's mutable parameters
	VerbStats          = "stats"           // how full a published volume is
	VerbHealth         = "health"          // what is wrong with a volume, by all calls that the plugin has for it
	VerbVolumes        = "volumes"         // what volumes the plugin has
	VerbSnapshots      = "snapshots"       // what snapshots the plugin has
	VerbCapacity       = "capacity"        // how much space the plugin has
	VerbSnapshot       = "snapshot"        // make a snapshot, or a group of them, and wait until it is ready
	VerbDeleteSnapshot = "delete_snapshot" // delete it
	VerbRecover        = "recover"         // release all volumes of a plugin that no live container uses
)

// A Request is the one input of a mctr-csi process, as JSON on its stdin. Secrets are nowhere else: not
// in records, arguments, environment, answers or errors.
type Request struct {
	Verb    string  `json:"verb"`
	Root    string  `json:"root"` // ROOT of the containerizer
	Plugin  Plugin  `json:"plugin"`
	Secrets Secrets `json:"secrets,omitempty"` // values, by call
	// Volume is for all verbs about one volume; if it has a record, plugin, owner and name are enough.
	Volume *Volume `json:"volume,omitempty"`

	Container mctr.ContainerID   `json:"container,omitempty"` // publish, unpublish, stats, health
	Readonly  bool               `json:"readonly,omitempty"`  // publish
	Size      Size               `json:"size"`                // expand
	Mutable   map[string]string  `json:"mutable,omitempty"`   // modify
	Snapshot  *Snapshot          `json:"snapshot,omitempty"`  // snapshot, delete_snapshot
	Live      []mctr.ContainerID `json:"live,omitempty"`      // recover: the containers whose volumes stay
	Owner     string             `json:"owner,omitempty"`     // recover: whose volumes
	// VolumeSecrets are recover's secrets by the key of the volume, see Volume.Key.
	VolumeSecrets map[string]Secrets `json:"volume_secrets,omitempty"`

	Timeout     Duration `json:"timeout"`      // for all calls of the request together; 0: 3 minutes
	CallTimeout Duration `json:"call_timeout"` // for one call, after which it is repeated; 0: 1 minute
}

// Secrets are the secrets of calls, by the name of the call: {"NodeStageVolume": {"key": "value"}}.
type Secrets map[string]map[string]string

// Duration is a time.Duration that is a string in JSON: "1m30s".
type Duration = mctr.Duration

// The default limits of a request.
const (
	DefaultTimeout     = 3 * time.Minute
	DefaultCallTimeout = time.Minute
)

// Validate returns an error that wraps mctr.ErrInvalid and names the field that is not valid.
func (r *Request) Validate() error {
	if err := r.Plugin.Validate(); err != nil {
		return err
	}
	if r.Root == "" {
		return fmt.Errorf("%w: csi request: root: must not be empty", mctr.ErrInvalid)
	}
	about := []string{VerbValidate, VerbCreate, VerbDelete, VerbPublish, VerbUnpublish, VerbExpand, VerbModify,
		VerbStats, VerbHealth}
	if slices.Contains(about, r.Verb) {
		return r.validateVolume()
	}
	if r.Verb == VerbSnapshot || r.Verb == VerbDeleteSnapshot {
		if r.Snapshot == nil {
			return fmt.Errorf("%w: csi request %s: snapshot: must not be empty", mctr.ErrInvalid, r.Verb)
		}
		r.Snapshot.Plugin = r.Plugin.Name
		if r.Verb == VerbSnapshot {
			return r.Snapshot.validate()
		}
	}
	return nil
}

// Undoes returns true for the verbs whose work goes on after their caller has given up: what they undo
// would otherwise stay.
func (r *Request) Undoes() bool {
	switch r.Verb {
	case VerbUnpublish, VerbDelete, VerbDeleteSnapshot, VerbRecover:
		return true
	}
	return false
}

func (r *Request) validateVolume() error {
	if r.Volume == nil {
		return fmt.Errorf("%w: csi request %s: volume: must not be empty", mctr.ErrInvalid, r.Verb)
	}
	if r.Volume.Plugin == "" {
		r.Volume.Plugin = r.Plugin.Name
	}
	if r.Volume.Plugin != r.Plugin.Name {
		return fmt.Errorf("%w: csi request %s: volume %s, and the plugin is %s", mctr.ErrInvalid, r.Verb, r.Volume,
			r.Plugin.Name)
	}
	if r.Verb == VerbPublish || r.Verb == VerbUnpublish {
		if err := r.Container.Validate(); err != nil {
			return err
		}
	}
	return r.Volume.Validate()
}
