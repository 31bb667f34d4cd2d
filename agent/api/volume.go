package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mctr/mctr"
)

// A Volume is a directory or file to mount in the container.
type Volume struct {
	Mode          string        `json:"mode"` // RW, RO
	ContainerPath string        `json:"container_path"`
	HostPath      string        `json:"host_path,omitempty"`
	Source        *VolumeSource `json:"source,omitempty"`

	Image json.RawMessage `json:"image,omitempty"`
}

// A VolumeSource is the source of a volume.
type VolumeSource struct {
	Type        string       `json:"type"` // HOST_PATH, SANDBOX_PATH
	HostPath    *HostPath    `json:"host_path,omitempty"`
	SandboxPath *SandboxPath `json:"sandbox_path,omitempty"`

	DockerVolume json.RawMessage `json:"docker_volume,omitempty"`
	Secret       json.RawMessage `json:"secret,omitempty"`
	CSIVolume    json.RawMessage `json:"csi_volume,omitempty"`
}

// A HostPath is a path on the host.
type HostPath struct {
	Path             string            `json:"path"`
	MountPropagation *MountPropagation `json:"mount_propagation,omitempty"`
}

// A MountPropagation selects whether later mounts propagate between the host and the container.
type MountPropagation struct {
	Mode string `json:"mode,omitempty"` // HOST_TO_CONTAINER, BIDIRECTIONAL
}

// A SandboxPath is a path in the sandbox of the container or of its parent.
type SandboxPath struct {
	Type string `json:"type"` // SELF, PARENT
	Path string `json:"path"`
}

func (c *ContainerInfo) volumes(config *mctr.ContainerConfig, _ bool) error {
	for _, v := range c.Volumes {
		m, err := v.mount()
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.ContainerPath, err)
		}
		config.Volumes = append(config.Volumes, m)
	}
	return nil
}

func (v Volume) mount() (mctr.Volume, error) {
	m := mctr.Volume{Target: v.ContainerPath, ReadOnly: v.Mode == "RO"}
	if v.Mode != "RO" && v.Mode != "RW" {
		return m, fmt.Errorf("%w: mode %q: want RO or RW", mctr.ErrInvalid, v.Mode)
	}
	if given(v.Image) {
		return m, refused("a volume with an image", "an image can only be the root filesystem")
	}
	switch {
	case v.Source != nil && v.HostPath != "":
		return m, fmt.Errorf("%w: both host_path and source", mctr.ErrInvalid)
	case v.Source != nil:
		return m, v.Source.fill(&m)
	case v.HostPath == "":
		return m, fmt.Errorf("%w: neither host_path nor source", mctr.ErrInvalid)
	}
	m.Type, m.Source = "bind", v.HostPath
	if !strings.HasPrefix(v.HostPath, "/") { // as with Mesos, a relative path is in the sandbox
		m.Type = "sandbox"
	}
	return m, nil
}

func (s *VolumeSource) fill(m *mctr.Volume) error {
	switch {
	case s.Type == "HOST_PATH" && s.HostPath != nil && s.SandboxPath == nil:
		m.Type, m.Source = "bind", s.HostPath.Path
		return s.HostPath.MountPropagation.fill(m)
	case s.Type == "SANDBOX_PATH" && s.SandboxPath != nil && s.HostPath == nil:
		kinds := map[string]string{"SELF": "sandbox", "PARENT": "parent-sandbox"}
		m.Type, m.Source = kinds[s.SandboxPath.Type], s.SandboxPath.Path
		if m.Type == "" {
			return fmt.Errorf("%w: sandbox_path: type %q: want SELF or PARENT", mctr.ErrInvalid, s.SandboxPath.Type)
		}
		return nil
	}
	return refused("a volume with a source of type "+s.Type,
		"want HOST_PATH with host_path, or SANDBOX_PATH with sandbox_path")
}

func (p *MountPropagation) fill(m *mctr.Volume) error {
	if p == nil {
		return nil
	}
	switch p.Mode {
	case "", "UNKNOWN":
	case "HOST_TO_CONTAINER":
		m.Options = append(m.Options, "rslave")
	case "BIDIRECTIONAL":
		m.Options = append(m.Options, "rshared")
	default:
		return fmt.Errorf("%w: mount_propagation: mode %q", mctr.ErrInvalid, p.Mode)
	}
	return nil
}
