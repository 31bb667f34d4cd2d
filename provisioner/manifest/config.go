package manifest

import (
	"encoding/json"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/store"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Config is an image's config: OCI's and what Docker adds.
type Config struct {
	v1.Image
	Healthcheck *store.Healthcheck
}

// ParseConfig reads an image config that is to go with layers layers.
func ParseConfig(data []byte, layers int, l Limits) (*Config, error) {
	if err := l.CheckSize("image config", int64(len(data))); err != nil {
		return nil, err
	}
	var c Config
	var docker struct {
		Config struct{ Healthcheck *store.Healthcheck } `json:"config"`
	}
	for _, into := range []any{&c.Image, &docker} {
		if err := json.Unmarshal(data, into); err != nil {
			return nil, fmt.Errorf("parse image config: %w: %w", err, mctr.ErrInvalid)
		}
	}
	c.Healthcheck = docker.Config.Healthcheck
	return &c, checkRootFS(c.RootFS, layers)
}

func checkRootFS(fs v1.RootFS, layers int) error {
	if fs.Type != "layers" {
		return fmt.Errorf("image config: rootfs type %.40q, want layers: %w", fs.Type, mctr.ErrInvalid)
	}
	if len(fs.DiffIDs) != layers {
		return fmt.Errorf("image config names %d diffIDs for %d layers: %w", len(fs.DiffIDs), layers, mctr.ErrInvalid)
	}
	for _, d := range fs.DiffIDs {
		if err := d.Validate(); err != nil {
			return fmt.Errorf("image config: diffID %.100q: %w: %w", string(d), err, mctr.ErrInvalid)
		}
	}
	return nil
}

// ChainIDs returns, for each layer, the id of it with all beneath (image-spec,
// config.md, "Layer ChainID").
func ChainIDs(diffIDs []digest.Digest) []digest.Digest {
	chain := make([]digest.Digest, len(diffIDs))
	for i, d := range diffIDs {
		if chain[i] = d; i > 0 {
			chain[i] = digest.FromString(chain[i-1].String() + " " + d.String())
		}
	}
	return chain
}
