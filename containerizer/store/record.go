package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/fields"
)

// recordSchema is the version of Record. Newer ones are refused. Version 1 had no state.json
// beside it; versions 1 and 2 had names in camelCase, and durations in nanoseconds.
const recordSchema = 3

// A Record is ROOT's config.json: what the caller asked for.
type Record struct {
	Schema   int                   `json:"schema"`
	ID       mctr.ContainerID      `json:"id"`
	Created  time.Time             `json:"created"`
	Config   *mctr.ContainerConfig `json:"config"`
	Commands *Commands             `json:"commands,omitempty"` // of the process that created the container

	// EarlierRestarts and EarlierStreak are counts of schema 1: see State.
	EarlierRestarts int `json:"restarts,omitempty"`
	EarlierStreak   int `json:"streak,omitempty"`

	unknown fields.Unknown // fields of a newer build, which this build ignores
}

// The records of one container, whether it exists or not: what its launcher and its shim wrote
// about it, except its state.
type records struct{ Paths }

// Commands are run by a shim, with the container's id as last argument, while no other process
// watches its container. They are in the container's record so that a process without commands of
// its own can start the container again.
type Commands struct {
	Exit    []string `json:"exit,omitempty"`
	Restart []string `json:"restart,omitempty"` // of earlier builds: in place of Exit, if there is a policy
	Watch   []string `json:"watch,omitempty"`
}

// None returns true if there is no command.
func (c *Commands) None() bool {
	return c == nil || len(c.Exit) == 0 && len(c.Restart) == 0 && len(c.Watch) == 0
}

// NewRecord returns the record of a container that is created now.
func NewRecord(id mctr.ContainerID, config *mctr.ContainerConfig, commands *Commands) *Record {
	r := &Record{Schema: recordSchema, ID: id, Created: time.Now().UTC(), Config: config}
	if !commands.None() {
		r.Commands = commands
	}
	return r
}

// Record reads the record as far as this build understands it, which is enough to show the
// container, to stop it and to remove it. The error wraps mctr.ErrNotFound if there is no record.
func (p records) Record() (*Record, error) {
	if err := p.ID.Validate(); err != nil {
		return nil, err
	}
	r := &Record{}
	err := decodeFile(p.ConfigFile(), r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(p.ID)
	}
	if err != nil && !errors.As(err, &r.unknown) {
		return nil, err
	}
	if r.Schema > recordSchema || r.Config == nil || r.ID != p.ID {
		return nil, fmt.Errorf("%w: record of container %s: schema %d, this build knows %d", mctr.ErrInvalid, p.ID,
			r.Schema, recordSchema)
	}
	return r, nil
}

// RecordToChange is Record for a caller that starts the container or writes the record again:
// fields that this build ignores would be lost, so that the error wraps mctr.ErrUnsupported if
// there are any.
func (p records) RecordToChange() (*Record, error) {
	r, err := p.Record()
	if err == nil && len(r.unknown) > 0 {
		return nil, &mctr.UnsupportedError{
			Feature: strings.Join(r.unknown, ", ") + " of container " + p.ID.Short(),
			Remedy:  "do this with the build that made the container",
			Why: fmt.Sprintf("its record, %s, is of a newer build than this one (%s)", p.ConfigFile(),
				buildinfo.Self()),
		}
	}
	return r, err
}

// SetRecord writes the record durably. The caller holds the container's lock.
func (p records) SetRecord(r *Record) error {
	written := *r
	written.Schema, written.EarlierRestarts, written.EarlierStreak = recordSchema, 0, 0
	return atomicfile.WriteDurableJSON(p.ConfigFile(), &written)
}

// decodeFile reads a file of JSON into v. The error wraps a fields.Unknown if the file has fields of
// a newer build; v has the other fields then.
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

// A Resolved is ROOT's resolved.json: the results of a launch. It only explains the container, also
// after its exit, so it is not synced: losing it in a crash does no harm.
type Resolved struct {
	ImageID    string            `json:"image_id,omitempty"`
	Image      *mctr.ImageConfig `json:"image,omitempty"`
	Spec       *specs.Spec       `json:"spec"`
	StopSignal string            `json:"stop_signal"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// Resolved returns the results of the last launch; the zero value if they cannot be read.
func (p records) Resolved() *Resolved {
	r := &Resolved{}
	if atomicfile.ReadJSON(p.resolvedFile(), r) != nil {
		return &Resolved{}
	}
	return r
}

// SetResolved records the results of a launch.
func (p records) SetResolved(r *Resolved) error { return atomicfile.WriteJSON(p.resolvedFile(), r) }

// Created returns the shim's record of the container's init; nil if there is none.
func (p records) Created() *wire.Created {
	created := &wire.Created{}
	if atomicfile.ReadJSON(p.CreatedFile(), created) != nil {
		return nil
	}
	return created
}
