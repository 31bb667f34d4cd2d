package loopdriver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mctr/mctr/internal/atomicfile"
)

// A volume is the record of a volume.
type volume struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Bytes      int64             `json:"bytes"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Mutable    map[string]string `json:"mutable,omitempty"`
	FromID     string            `json:"from_id,omitempty"` // the snapshot or volume it was made from
	FromVolume bool              `json:"from_volume,omitempty"`

	Complete   bool                   `json:"complete"`             // the image has its content
	Filesystem int64                  `json:"filesystem,omitempty"` // the size of the filesystem in bytes; 0: none yet
	Attached   *attachment            `json:"attached,omitempty"`
	Staged     *staging               `json:"staged,omitempty"`
	Published  map[string]publication `json:"published,omitempty"` // by target path
}

type attachment struct {
	Node       string `json:"node"`
	Capability string `json:"capability"`
	Readonly   bool   `json:"readonly"`
}

type staging struct {
	Path       string `json:"path"`
	Capability string `json:"capability"`
	Block      bool   `json:"block,omitempty"`
}

type publication struct {
	Capability string `json:"capability"`
	Readonly   bool   `json:"readonly"`
}

// A snapshot is the record of a snapshot.
type snapshot struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Volume     string    `json:"volume"`
	Bytes      int64     `json:"bytes"`
	Filesystem int64     `json:"filesystem,omitempty"`
	Created    time.Time `json:"created"`
	Complete   bool      `json:"complete"`
	Cutting    int       `json:"cutting,omitempty"` // how many times it is still to be reported as not ready
}

// idOf returns the id of the volume or snapshot called name. It follows from the name alone, so that
// a repeated CreateVolume finds what was made for the first.
func idOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:10])
}

func (d *Driver) recordPath(kind, id string) string { return filepath.Join(d.Dir, kind, id+".json") }

// image returns the path of a volume's image, or directory.
func (d *Driver) image(id string) string {
	if d.Bind {
		return filepath.Join(d.Dir, "volumes", id)
	}
	return filepath.Join(d.Dir, "volumes", id+".img")
}

// snapshotImage returns the path of a snapshot's image.
func (d *Driver) snapshotImage(id string) string { return filepath.Join(d.Dir, "snapshots", id+".img") }

// volume reads the record of a volume. The error is a gRPC status, NOT_FOUND if there is none.
func (d *Driver) volume(id string) (*volume, error) {
	v := &volume{}
	if err := d.read("volumes", id, v); err != nil {
		return nil, err
	}
	if v.Published == nil {
		v.Published = map[string]publication{}
	}
	return v, nil
}

func (d *Driver) snapshot(id string) (*snapshot, error) {
	s := &snapshot{}
	return s, d.read("snapshots", id, s)
}

func (d *Driver) read(kind, id string, v any) error {
	if id == "" {
		return status.Errorf(codes.InvalidArgument, "the id is missing")
	}
	if id != filepath.Base(id) {
		return status.Errorf(codes.NotFound, "%s: %q not found", kind, id)
	}
	err := atomicfile.ReadJSON(d.recordPath(kind, id), v)
	if errors.Is(err, fs.ErrNotExist) {
		return status.Errorf(codes.NotFound, "%s: %q not found", kind, id)
	}
	return internal(err)
}

func (d *Driver) save(v *volume) error {
	return internal(atomicfile.WriteJSON(d.recordPath("volumes", v.ID), v))
}

// ids lists the volumes or snapshots, sorted.
func (d *Driver) ids(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.Dir, kind))
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && !atomicfile.IsTemp(e.Name()) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, internal(err)
}

// internal returns err as INTERNAL, unless it is a status already.
func internal(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// require returns UNIMPLEMENTED if the plugin lacks a feature.
func (d *Driver) require(feature string) error {
	if d.has(feature) {
		return nil
	}
	return status.Errorf(codes.Unimplemented, "this plugin has no %s", feature)
}
