package api

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/provisioner"
)

// The arguments and answers of the calls that mctr has beyond Mesos.
type (
	// A Find looks for a container by name, id or the start of an id.
	Find struct {
		Name string `json:"name"`
	}
	// Found is the container that a Find leads to.
	Found struct {
		ContainerID ContainerID `json:"container_id"`
	}
	// A Start launches a container that was created or has ended.
	Start struct {
		ContainerID ContainerID `json:"container_id"`
		Stream
	}
	// A LaunchedGroup is a group to be run.
	LaunchedGroup struct {
		ContainerID ContainerID `json:"container_id"`
		Group       *mctr.Group `json:"group"`
	}
	// A DryRun asks what a launch would hand the engine.
	DryRun struct {
		Config *mctr.ContainerConfig `json:"config"`
	}
	// A Stop asks a container to end, and ends it after a while.
	Stop struct {
		ContainerID ContainerID    `json:"container_id"`
		Signal      int            `json:"signal,omitempty"`  // default: the container's own
		Timeout     *mctr.Duration `json:"timeout,omitempty"` // default: the container's own
	}
	// A Rename gives a container another name.
	Rename struct {
		ContainerID ContainerID `json:"container_id"`
		Name        string      `json:"name"`
	}
	// An Update changes the limits that it names.
	Update struct {
		ContainerID ContainerID    `json:"container_id"`
		Resources   mctr.Resources `json:"resources"`
		Group       bool           `json:"group,omitempty"` // of a root and all that is nested in it, together
	}
	// An Exec runs a command in a container; its connection becomes the streams.
	Exec struct {
		ContainerID ContainerID `json:"container_id"`
		Args        []string    `json:"args"`
		Env         []string    `json:"env,omitempty"`
		WorkingDir  string      `json:"working_dir,omitempty"`
		User        string      `json:"user,omitempty"`
		Terminal    bool        `json:"terminal,omitempty"`
		ConsoleSize *wire.Size  `json:"console_size,omitempty"`
		Stdin       bool        `json:"stdin,omitempty"`
		Detach      bool        `json:"detach,omitempty"`
	}
	// An Attach joins a container's streams.
	Attach struct {
		ContainerID ContainerID `json:"container_id"`
		Attach      wire.Attach `json:"attach"`
	}
	// Processes asks for a container's, with ps(1)'s options.
	Processes struct {
		ContainerID ContainerID `json:"container_id"`
		Options     []string    `json:"options,omitempty"`
	}
	// A Table is what ps(1) printed.
	Table struct {
		Text string `json:"text"`
	}
	// Logs asks for what a container printed.
	Logs struct {
		ContainerID ContainerID `json:"container_id"`
		Follow      bool        `json:"follow,omitempty"`
		Since       time.Time   `json:"since,omitzero"`
		Until       time.Time   `json:"until,omitzero"`
		Tail        *int        `json:"tail,omitempty"` // so many last lines; default: all
	}
	// An Entry is a line of a log, or a gap in it.
	Entry struct {
		Time    time.Time `json:"time,omitzero"`
		Stream  string    `json:"stream,omitempty"` // stdout, stderr
		Text    []byte    `json:"text,omitempty"`
		Partial bool      `json:"partial,omitempty"` // the next one of the stream continues the line
		Gap     bool      `json:"gap,omitempty"`
		Removed int64     `json:"removed,omitempty"` // bytes that rotation removed, in the gap at the beginning
	}
	// Progress is a step of a pull.
	Progress struct {
		Kind      provisioner.EventKind `json:"kind"`
		Reference string                `json:"reference,omitempty"`
		Digest    digest.Digest         `json:"digest,omitempty"`
		Done      int64                 `json:"done,omitempty"`
		Total     int64                 `json:"total,omitempty"`
		Host      string                `json:"host,omitempty"` // that asks for patience
		Wait      mctr.Duration         `json:"wait,omitempty"` // for how long
	}
	// A Pull brings an image into the store.
	Pull struct {
		Reference string                 `json:"reference"`
		Policy    provisioner.PullPolicy `json:"policy,omitempty"`
		Platform  string                 `json:"platform,omitempty"`
	}
	// A Reference names an image.
	Reference struct {
		Reference string `json:"reference"`
		Force     bool   `json:"force,omitempty"` // of REMOVE_IMAGE: also one in use
	}
	// A Tag gives an image one more name.
	Tag struct {
		Source string `json:"source"`
		Target string `json:"target"`
	}
	// A Load brings the images of an archive into the store.
	Load struct {
		Name     string `json:"name,omitempty"`     // what errors call the archive
		Platform string `json:"platform,omitempty"` // OS/ARCH[/VARIANT] of images for several; default: the host's
	}
	// A Save asks for images as one archive.
	Save struct {
		References []string               `json:"references"`
		Format     provisioner.SaveFormat `json:"format,omitempty"` // docker-archive (default) or oci-archive
	}
	// Images is what the store has.
	Images struct {
		Images []provisioner.Image `json:"images"`
	}
	// An ImageDetail is an image with its documents as they were pulled.
	ImageDetail struct {
		Image    *provisioner.Image `json:"image"`
		Manifest []byte             `json:"manifest,omitempty"`
		Config   []byte             `json:"config,omitempty"`
	}
	// A Prune removes images that no container uses, but for those excluded.
	Prune struct {
		ExcludedImages []Image `json:"excluded_images,omitempty"`

		Mctr *PruneOptions `json:"mctr,omitempty"`
	}
	// PruneOptions are mctr's own way to say what goes.
	PruneOptions struct {
		All    bool     `json:"all,omitempty"`
		Only   []string `json:"only,omitempty"` // with all: no images but these, by their whole references
		DryRun bool     `json:"dry_run,omitempty"`
	}
)

// A StreamMessage is a record of READ_LOGS, WATCH_EVENTS, PULL_IMAGE and LOAD_IMAGES: one of its
// fields is set. An Error is the last one of its stream.
type StreamMessage struct {
	Entry    *Entry             `json:"entry,omitempty"`
	Event    *mctr.Event        `json:"event,omitempty"`
	Progress *Progress          `json:"progress,omitempty"`
	Image    *provisioner.Image `json:"image,omitempty"`
	Error    *wire.Error        `json:"error,omitempty"`
}

// A Failure is the body of an answer that is an error.
type Failure struct {
	Error *wire.Error `json:"error"`
}
