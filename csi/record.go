package csi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mctr/mctr"
)

// RecordVersion is the version of records that this build writes.
const RecordVersion = 1

// A Step is how far an act has come whose record is written before it. The zero value: not begun.
type Step string

// The steps. Where the step is Doing or Undoing, what the call makes may or may not be there: the call
// was cut off, or the plugin did not say.
const (
	Doing   Step = "doing"   // the call has been made, its outcome is not known
	Done    Step = "done"    // the call has succeeded
	Undoing Step = "undoing" // the reverse call has been made, its outcome is not known
)

// A Record is everything that is known of a volume on this node.
type Record struct {
	Version int    `json:"version"`
	Boot    string `json:"boot,omitempty"` // the boot that Staging and References are about
	Volume  Volume `json:"volume"`         // as its user has described it

	Provisioned bool              `json:"provisioned,omitempty"` // made for this record: it may be deleted
	Creation    Step              `json:"creation,omitempty"`    // CreateVolume, DeleteVolume
	SentName    string            `json:"sent_name,omitempty"`   // the name for CreateVolume, the same in every try
	ID          string            `json:"id,omitempty"`          // volume_id
	Bytes       int64             `json:"bytes,omitempty"`       // capacity_bytes; 0: unknown
	Context     map[string]string `json:"context,omitempty"`     // volume_context, unchanged
	Reachable   []Segments        `json:"reachable,omitempty"`   // accessible_topology; empty: from everywhere
	SentMode    AccessMode        `json:"sent_mode,omitempty"`   // the access mode of all calls

	Attachment *Attachment                     `json:"attachment,omitempty"`
	Staging    *Staging                        `json:"staging,omitempty"`
	References map[mctr.ContainerID]*Reference `json:"references,omitempty"`
	Expansion  *Expansion                      `json:"expansion,omitempty"`
}

// An Attachment is a ControllerPublishVolume to this node. It outlives a reboot.
type Attachment struct {
	Step     Step              `json:"step"`
	Node     string            `json:"node"` // node_id
	Readonly bool              `json:"readonly,omitempty"`
	Context  map[string]string `json:"context,omitempty"` // publish_context, unchanged
}

// A Staging is a NodeStageVolume.
type Staging struct {
	Step Step   `json:"step"`
	Path string `json:"path"`
}

// A Reference is a NodePublishVolume to one container.
type Reference struct {
	Step     Step      `json:"step"`
	Target   string    `json:"target"` // target_path, as it was sent
	Readonly bool      `json:"readonly,omitempty"`
	Since    time.Time `json:"since"`
	Found    bool      `json:"found,omitempty"` // it was in mountinfo, and the record lacked it
}

// An Expansion is a ControllerExpandVolume that has not reached the node.
type Expansion struct {
	Step Step `json:"step"` // Doing: by the controller; Done: the node is left
	Size Size `json:"size"`
}

// Holders lists the containers that use the volume, sorted.
func (r *Record) Holders() []mctr.ContainerID { return slices.Sorted(maps.Keys(r.References)) }

// Admit returns an error that matches mctr.ErrState or mctr.ErrInvalid unless one more container may use the volume, by
// its access mode. The error names the volume, the node and the holder.
func (r *Record) Admit(container mctr.ContainerID, readonly bool, node string) error {
	mode := r.Volume.AccessMode
	if !readonly && (mode.ReaderOnly() || r.Volume.Readonly) {
		return &Error{Kind: KindInvalid, Volume: r.Volume.String(), Node: node,
			Message: fmt.Sprintf("access mode %s, readonly %t: want a read-only use", mode, r.Volume.Readonly)}
	}
	for _, holder := range r.Holders() {
		if holder == container {
			continue
		}
		if mode.Exclusive() || mode.SingleWriter() && !readonly && !r.References[holder].Readonly {
			return &Error{Kind: KindInUse, Volume: r.Volume.String(), Node: node, Holder: string(holder),
				Message: fmt.Sprintf("access mode %s admits no other use (stop the holder first)",
					cmp.Or(mode, SingleNodeWriter))}
		}
	}
	return nil
}

// DropEarlierBoot drops what ended with an earlier boot, and returns the references and the staging that it
// dropped: the directories at their paths may remain.
func (r *Record) DropEarlierBoot(boot string) (paths []string) {
	if r.Boot == boot {
		return nil
	}
	for _, reference := range r.References {
		paths = append(paths, reference.Target)
	}
	if r.Staging != nil {
		paths = append(paths, r.Staging.Path)
	}
	r.Boot, r.References, r.Staging = boot, map[mctr.ContainerID]*Reference{}, nil
	slices.Sort(paths)
	return paths
}

// InUse returns true if the volume is attached, staged or published, or may be.
func (r *Record) InUse() bool {
	return r.Attachment != nil || r.Staging != nil || len(r.References) > 0
}
