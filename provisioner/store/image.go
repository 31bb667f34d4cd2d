package store

import (
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// An Image is the store's record of one image. It has all that a launch needs, so that a launch
// reads no blob.
type Image struct {
	Reference   string         `json:"reference"`        // normalised
	Digest      digest.Digest  `json:"digest,omitempty"` // of the chosen manifest; empty for rootfs:
	Index       digest.Digest  `json:"index,omitempty"`  // of the index that the reference names, if it names one
	ID          digest.Digest  `json:"id,omitempty"`     // of the config: docker's image id; empty for rootfs:
	Platform    v1.Platform    `json:"platform"`
	Created     time.Time      `json:"created,omitzero"`
	Pulled      time.Time      `json:"pulled,omitzero"` // when the image came into this store
	Size        int64          `json:"size"`            // compressed bytes of config and layers
	Unpacked    int64          `json:"unpacked"`        // bytes of the files in all layers
	Config      v1.ImageConfig `json:"config"`
	Healthcheck *Healthcheck   `json:"healthcheck,omitempty"`
	// docker's SHELL, which runs the shell form of HEALTHCHECK; empty: /bin/sh -c
	Shell   []string        `json:"shell,omitempty"`
	DiffIDs []digest.Digest `json:"diff_ids,omitempty"`

	Layers []LayerRef      `json:"layers,omitempty"` // unpacked layers, lowest first
	Blobs  []v1.Descriptor `json:"blobs,omitempty"`  // manifest, config and layers, in this order
	Stamp  string          `json:"stamp,omitempty"`  // state of the local source when it was read
	Rootfs string          `json:"rootfs,omitempty"` // the directory of a rootfs: reference

	RawManifest []byte `json:"-"` // filled by Inspect only
	RawConfig   []byte `json:"-"` // filled by Inspect only

	file os.FileInfo // the record's file
}

// A Healthcheck is docker's HEALTHCHECK, which is not part of the OCI's config. Durations are in
// nanoseconds; zero means docker's default.
type Healthcheck struct {
	Test          []string      `json:"Test,omitempty"` // {"NONE"}, {"CMD", args...} or {"CMD-SHELL", command}
	Interval      time.Duration `json:"Interval,omitempty"`
	Timeout       time.Duration `json:"Timeout,omitempty"`
	StartPeriod   time.Duration `json:"StartPeriod,omitempty"`
	StartInterval time.Duration `json:"StartInterval,omitempty"`
	Retries       int           `json:"Retries,omitempty"`
}

// A LayerRef names an unpacked layer.
type LayerRef struct {
	Key  string `json:"key"`
	Root bool   `json:"root,omitempty"` // the layer has an entry for the root directory, with its owner, mode and time
}
