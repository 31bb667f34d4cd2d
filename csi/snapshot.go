package csi

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// A Snapshot is the record of a snapshot of one volume, or of a group of volumes. It is written before
// the plugin is asked, so that a snapshot whose creation was cut off is asked for again by its name.
type Snapshot struct {
	Version    int               `json:"version"`
	Plugin     string            `json:"plugin"`
	Owner      string            `json:"owner,omitempty"`
	Name       string            `json:"name"`
	VolumeIDs  []string          `json:"volume_ids"` // one, unless Group
	Group      bool              `json:"group,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	SentName   string            `json:"sent_name,omitempty"` // the name for the plugin, the same in every try
	// SecretNames are the names of secrets by call, see Volume.
	SecretNames SecretRefs `json:"secret_names,omitempty"`

	ID      string         `json:"id,omitempty"`     // snapshot_id or group_snapshot_id; "": not known yet
	Cut     []SnapshotInfo `json:"cut,omitempty"`    // the snapshots, one unless Group
	Ready   bool           `json:"ready,omitempty"`  // ready_to_use
	Created time.Time      `json:"created,omitzero"` // the plugin's time
}

// A SnapshotInfo is a snapshot as its plugin describes it.
type SnapshotInfo struct {
	ID       string    `json:"id"`
	VolumeID string    `json:"volume_id"`
	Bytes    int64     `json:"bytes,omitempty"` // the least size of a volume from it; 0: unknown
	Created  time.Time `json:"created,omitzero"`
	Ready    bool      `json:"ready,omitempty"`
	GroupID  string    `json:"group_id,omitempty"` // it can be deleted with its group only
}

// Key returns the name of the snapshot's record.
func (s *Snapshot) Key() string { return hashOf(s.Plugin, s.Owner, s.Name) }

func (s *Snapshot) validate() error {
	if s.Plugin == "" || s.Name == "" {
		return fmt.Errorf("%w: csi snapshot %q: plugin and name must not be empty", mctr.ErrInvalid, s.Name)
	}
	if len(s.VolumeIDs) == 0 || !s.Group && len(s.VolumeIDs) > 1 {
		return fmt.Errorf("%w: csi snapshot %q: volume_ids: want one, or several of a group", mctr.ErrInvalid, s.Name)
	}
	return nil
}

func (s *Store) snapshotPath(key string) string {
	return filepath.Join(s.dir, "snapshots", key+".json")
}

// ReadSnapshot returns the record of a snapshot; errors are those of Read.
func (s *Store) ReadSnapshot(key string) (*Snapshot, error) {
	data, err := atomicfile.Read(s.snapshotPath(key))
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{}
	if err := parseVersioned(data, snapshot); err != nil {
		return nil, fmt.Errorf("record %s: %w", s.snapshotPath(key), err)
	}
	return snapshot, snapshot.validate()
}

// WriteSnapshot replaces the record of a snapshot, durably.
func (s *Store) WriteSnapshot(snapshot *Snapshot) error {
	snapshot.Version = RecordVersion
	return write(s.snapshotPath(snapshot.Key()), snapshot, true)
}

// RemoveSnapshot removes the record of a snapshot.
func (s *Store) RemoveSnapshot(snapshot *Snapshot) error {
	return os.Remove(s.snapshotPath(snapshot.Key()))
}
