package api

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/provisioner"
)

// The arguments and answers of the calls that mctr adds to those of Mesos.
type (
	// A Find looks for a container by name, id or the start of an id.
	Find struct {
		Name string `json:"name"`
	}
	// Found is the answer to a Find.
	Found struct {
		ContainerID ContainerID `json:"container_id"`
	}
	// A Start launches a container that was created or has exited.
	Start struct {
		ContainerID ContainerID `json:"container_id"`
		Stream
	}
	// A LaunchedGroup runs a group.
	LaunchedGroup struct {
		ContainerID ContainerID `json:"container_id"`
		Group       *mctr.Group `json:"group"`
	}
	// A DryRun asks for the OCI spec that a launch would give to the engine.
	DryRun struct {
		Config *mctr.ContainerConfig `json:"config"`
	}
	// A Stop asks a container to exit, and kills it after a timeout.
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
	// An Update changes the limits that are set in it.
	Update struct {
		ContainerID ContainerID    `json:"container_id"`
		Resources   mctr.Resources `json:"resources"`
		Group       bool           `json:"group,omitempty"` // the limits of a root with all that is nested in it
	}
	// An Exec runs a command in a container. The connection becomes the streams of the command.
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
	// An Attach connects to the streams of a container.
	Attach struct {
		ContainerID ContainerID `json:"container_id"`
		Attach      wire.Attach `json:"attach"`
	}
	// Processes asks for the processes of a container, with options for ps(1).
	Processes struct {
		ContainerID ContainerID `json:"container_id"`
		Options     []string    `json:"options,omitempty"`
	}
	// A Table is the output of ps(1).
	Table struct {
		Text string `json:"text"`
	}
	// Logs asks for the log of a container.
	Logs struct {
		ContainerID ContainerID `json:"container_id"`
		Follow      bool        `json:"follow,omitempty"`
		Since       time.Time   `json:"since,omitzero"`
		Until       time.Time   `json:"until,omitzero"`
		Tail        *int        `json:"tail,omitempty"` // number of last lines; default: all
	}
	// An Entry is a line of a log, or a gap in it.
	Entry struct {
		Time    time.Time `json:"time,omitzero"`
		Stream  string    `json:"stream,omitempty"` // stdout, stderr
		Text    []byte    `json:"text,omitempty"`
		Partial bool      `json:"partial,omitempty"` // the next entry of the same stream continues the line
		Gap     bool      `json:"gap,omitempty"`
		Removed int64     `json:"removed,omitempty"` // in a gap at the beginning: bytes that rotation removed
	}
	// Progress is one step of a pull.
	Progress struct {
		Kind      provisioner.EventKind `json:"kind"`
		Reference string                `json:"reference,omitempty"`
		Digest    digest.Digest         `json:"digest,omitempty"`
		Done      int64                 `json:"done,omitempty"`
		Total     int64                 `json:"total,omitempty"`
		Host      string                `json:"host,omitempty"` // the registry that asked to wait
		Wait      mctr.Duration         `json:"wait,omitempty"` // how long the registry asked to wait
	}
	// A Pull fetches an image into the store.
	Pull struct {
		Reference string                 `json:"reference"`
		Policy    provisioner.PullPolicy `json:"policy,omitempty"`
		Platform  string                 `json:"platform,omitempty"`
	}
	// A Reference names an image.
	Reference struct {
		Reference string `json:"reference"`
		Force     bool   `json:"force,omitempty"` // in REMOVE_IMAGE: remove the image even if a container uses it
	}
	// A Tag gives an image another name.
	Tag struct {
		Source string `json:"source"`
		Target string `json:"target"`
	}
	// A Load adds the images of an archive to the store.
	Load struct {
		Name     string `json:"name,omitempty"`     // name of the archive in errors
		Platform string `json:"platform,omitempty"` // OS/ARCH[/VARIANT] of multi-platform images; default: the host's
	}
	// A Save asks for images as one archive.
	Save struct {
		References []string               `json:"references"`
		Format     provisioner.SaveFormat `json:"format,omitempty"` // docker-archive (default) or oci-archive
	}
	// Images are the images in the store.
	Images struct {
		Images []provisioner.Image `json:"images"`
	}
	// An ImageDetail is an image with its manifest and config as they were pulled.
	ImageDetail struct {
		Image    *provisioner.Image `json:"image"`
		Manifest []byte             `json:"manifest,omitempty"`
		Config   []byte             `json:"config,omitempty"`
	}
	// A Prune removes images that no container uses, except the excluded ones.
	Prune struct {
		ExcludedImages []Image `json:"excluded_images,omitempty"`

		Mctr *PruneOptions `json:"mctr,omitempty"`
	}
	// PruneOptions is mctr's own way to select what is removed.
	PruneOptions struct {
		All    bool     `json:"all,omitempty"`
		Only   []string `json:"only,omitempty"` // with all: remove only these images, given by full reference
		DryRun bool     `json:"dry_run,omitempty"`
	}
)

// A StreamMessage is a record in the answer to READ_LOGS, WATCH_EVENTS, PULL_IMAGE and LOAD_IMAGES.
// Exactly one of its fields is set. An Error ends the stream.
type StreamMessage struct {
	Entry    *Entry             `json:"entry,omitempty"`
	Event    *mctr.Event        `json:"event,omitempty"`
	Progress *Progress          `json:"progress,omitempty"`
	Image    *provisioner.Image `json:"image,omitempty"`
	Error    *wire.Error        `json:"error,omitempty"`
}

// A Failure is the body of an error answer.
type Failure struct {
	Error *wire.Error `json:"error"`
}
