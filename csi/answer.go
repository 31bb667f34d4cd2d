package csi

// An Answer is the one output of a mctr-csi process, as JSON on its stdout. Which fields are set
// depends on the verb.
type Answer struct {
	Error *Error `json:"error,omitempty"`

	Info      *Info          `json:"info,omitempty"`      // probe
	Target    string         `json:"target,omitempty"`    // publish: where the volume is
	Device    *Device        `json:"device,omitempty"`    // publish: Target is this block device
	Record    *Record        `json:"record,omitempty"`    // create, validate, expand, modify
	Kept      bool           `json:"kept,omitempty"`      // delete: the volume was made before, and still exists
	Usage     []Usage        `json:"usage,omitempty"`     // stats
	Health    []Condition    `json:"health,omitempty"`    // stats, health; empty: nothing is known to be wrong
	Volumes   []VolumeInfo   `json:"volumes,omitempty"`   // volumes
	Snapshots []SnapshotInfo `json:"snapshots,omitempty"` // snapshots
	Snapshot  *Snapshot      `json:"snapshot,omitempty"`  // snapshot
	Capacity  *Capacity      `json:"capacity,omitempty"`  // capacity
	Recovered *Recovered     `json:"recovered,omitempty"` // recover
}

// A Device is a block device.
type Device struct {
	Major int64 `json:"major"`
	Minor int64 `json:"minor"`
}

// Info describes a plugin.
type Info struct {
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Ready    bool     `json:"ready"` // false: it is initializing; do not restart it
	Node     string   `json:"node,omitempty"`
	Segments Segments `json:"segments,omitempty"` // the node's topology
	// MaxVolumes is how many volumes can be attached to the node; 0: not limited.
	MaxVolumes int64 `json:"max_volumes,omitempty"`
	// Features are the capabilities that the plugin announces and CSI 1.13 knows, by their names there,
	// with the prefix "plugin.", "controller.", "node." or "group.".
	Features []string `json:"features,omitempty"`
}

// A Usage is one figure of a volume.
type Usage struct {
	Unit      string `json:"unit"` // "bytes" or "inodes"
	Total     int64  `json:"total"`
	Used      int64  `json:"used,omitempty"`
	Available int64  `json:"available,omitempty"`
}

// A Condition is something that is wrong with a volume, or with its storage.
type Condition struct {
	// Status is DEGRADED, INACCESSIBLE, DATA_LOSS, STORAGE_DEGRADED or STORAGE_UNREACHABLE; ABNORMAL is
	// the volume_condition of plugins before CSI 1.13, which have no other. An unknown status is a
	// number.
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	From    string `json:"from"` // the call that returned it
}

// A VolumeInfo is a volume as its plugin describes it.
type VolumeInfo struct {
	ID      string            `json:"id"`
	Bytes   int64             `json:"bytes,omitempty"`
	Context map[string]string `json:"context,omitempty"`
	Nodes   []string          `json:"nodes,omitempty"` // to which it is attached
}

// A Capacity is the answer of GetCapacity, in bytes; 0: unknown.
type Capacity struct {
	Available int64 `json:"available"`
	Largest   int64 `json:"largest,omitempty"`  // the largest volume
	Smallest  int64 `json:"smallest,omitempty"` // the smallest volume
}

// Recovered is what a recover has done.
type Recovered struct {
	Released []string          `json:"released,omitempty"` // volumes, as Volume.String returns them
	Queued   map[string]*Error `json:"queued,omitempty"`   // volumes that are still to be released, and why
}
