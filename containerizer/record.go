package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/fields"
)

// schema is the version of the records below. A newer one is refused.
const schema = 1

// A record is ROOT's config.json: what was asked for.
type record struct {
	Schema   int                   `json:"schema"`
	ID       mctr.ContainerID      `json:"id"`
	Created  time.Time             `json:"created"`
	Restarts int                   `json:"restarts,omitempty"` // starts after the first end
	Streak   int                   `json:"streak,omitempty"`   // those of its policy in a row
	Config   *mctr.ContainerConfig `json:"config"`
	Commands *commands             `json:"commands,omitempty"` // of who made it

	unknown fields.Unknown // what a newer build wrote, and this one passes over
}

// resolved is ROOT's resolved.json: what it came to. It explains a container
// that has ended, so losing it in a crash is no harm and it is not synced.
type resolved struct {
	ImageID    string            `json:"imageID,omitempty"`
	Image      *mctr.ImageConfig `json:"image,omitempty"`
	Spec       *specs.Spec       `json:"spec"`
	StopSignal string            `json:"stopSignal"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// load reads the record of id, as far as this build understands it: that is enough to
// show the container, to end and to remove it. The error wraps mctr.ErrNotFound where
// there is none.
func (c *Containerizer) load(id mctr.ContainerID) (*record, error) {
	if err := id.Validate(); err != nil {
		return nil, err
	}
	r := &record{}
	err := decodeFile(c.paths.config(id), r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, id)
	}
	if err != nil && !errors.As(err, &r.unknown) {
		return nil, err
	}
	if r.Schema > schema || r.Config == nil || r.ID != id {
		return nil, fmt.Errorf("%w: record of container %s: schema %d, this build knows %d", mctr.ErrInvalid, id,
			r.Schema, schema)
	}
	return r, nil
}

// decodeFile reads a file of JSON. The error wraps a fields.Unknown where a newer build
// wrote more than this one understands; v has the rest then.
func decodeFile(path string, v any) error {
	data, err := atomicfile.Read(path)
	if err != nil {
		return err
	}
	if err := fields.Decode(data, v); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

// loadWhole is load for who starts the container by its record, or writes that again: what
// this build passes over would be lost. The error wraps mctr.ErrUnsupported then.
func (c *Containerizer) loadWhole(id mctr.ContainerID) (*record, error) {
	r, err := c.load(id)
	if err == nil && len(r.unknown) > 0 {
		return nil, &mctr.UnsupportedError{
			Feature: strings.Join(r.unknown, ", ") + " of container " + id.Short(),
			Remedy:  "do this with the build that made the container",
			Why: fmt.Sprintf("its record, %s, is of a newer build than this one (%s)", c.paths.config(id),
				buildinfo.Self()),
		}
	}
	return r, err
}

// termination reads how id ended; nil when it has not. A shim that could not
// write to ROOT left the record in STATE.
func (c *Containerizer) termination(id mctr.ContainerID) (*mctr.Termination, error) {
	for _, path := range []string{c.paths.exit(id), c.paths.stateDir(id) + "/exit.json"} {
		t := &mctr.Termination{}
		err := atomicfile.ReadJSON(path, t)
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return c.lastEnd(id)
}

// lastEnd is how a container ended whose next start has not begun.
func (c *Containerizer) lastEnd(id mctr.ContainerID) (*mctr.Termination, error) {
	if _, err := os.Lstat(c.paths.stateDir(id)); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t := &mctr.Termination{}
	err := atomicfile.ReadJSON(c.paths.last(id), t)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return t, err
}

// createdRecord is the shim's; nil when there is none.
func (c *Containerizer) createdRecord(id mctr.ContainerID) *wire.Created {
	created := &wire.Created{}
	if atomicfile.ReadJSON(c.paths.created(id), created) != nil {
		return nil
	}
	return created
}

func (c *Containerizer) resolved(id mctr.ContainerID) *resolved {
	r := &resolved{}
	if atomicfile.ReadJSON(c.paths.dir(id)+"/resolved.json", r) != nil {
		return &resolved{}
	}
	return r
}
