package manifest

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/store"
)

// A Config is an image config: the fields of the OCI and those that Docker adds.
type Config struct {
	v1.Image
	Healthcheck *store.Healthcheck
	Shell       []string // runs the shell form of HEALTHCHECK
}

// document is an image config as docker reads it.
type document struct {
	v1.Image
	Config struct {
		v1.ImageConfig
		Cmd, Entrypoint, Shell words
		Healthcheck            *store.Healthcheck
	} `json:"config"`
}

// words is a list of strings; a single string decodes as a list of one, as in moby's strslice.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(data []byte) error {
	var list []string
	if listErr := json.Unmarshal(data, &list); listErr != nil {
		var one string
		if json.Unmarshal(data, &one) != nil {
			return listErr
		}
		list = []string{one}
	}
	*w = list
	return nil
}

// ParseConfig parses the config of an image with the given number of layers.
func ParseConfig(data []byte, layers int, l Limits) (*Config, error) {
	if err := l.CheckSize("image config", int64(len(data))); err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("%w: parse image config: %w", mctr.ErrInvalid, err)
	}
	c := &Config{Image: d.Image, Healthcheck: d.Config.Healthcheck, Shell: d.Config.Shell}
	c.Config = d.Config.ImageConfig
	c.Config.Cmd, c.Config.Entrypoint = d.Config.Cmd, d.Config.Entrypoint
	return c, checkRootFS(c.RootFS, layers)
}

func checkRootFS(fs v1.RootFS, layers int) error {
	if fs.Type != "layers" {
		return fmt.Errorf("%w: image config: rootfs type %.40q, want layers", mctr.ErrInvalid, fs.Type)
	}
	if len(fs.DiffIDs) != layers {
		return fmt.Errorf("%w: image config names %d diffIDs for %d layers", mctr.ErrInvalid, len(fs.DiffIDs), layers)
	}
	for _, d := range fs.DiffIDs {
		if err := d.Validate(); err != nil {
			return fmt.Errorf("%w: image config: diffID %.100q: %w", mctr.ErrInvalid, string(d), err)
		}
	}
	return nil
}

// ChainIDs returns the chain id of each layer, which identifies the layer with all layers beneath
// it (image-spec, config.md, "Layer ChainID").
func ChainIDs(diffIDs []digest.Digest) []digest.Digest {
	chain := make([]digest.Digest, len(diffIDs))
	for i, d := range diffIDs {
		if chain[i] = d; i > 0 {
			chain[i] = digest.FromString(chain[i-1].String() + " " + d.String())
		}
	}
	return chain
}
