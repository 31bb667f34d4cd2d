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

	Image *Image `json:"image,omitempty"` // whose files are mounted
}

// A VolumeSource is the source of a volume.
type VolumeSource struct {
	Type         string        `json:"type"` // HOST_PATH, SANDBOX_PATH, DOCKER_VOLUME, SECRET
	HostPath     *HostPath     `json:"host_path,omitempty"`
	SandboxPath  *SandboxPath  `json:"sandbox_path,omitempty"`
	DockerVolume *DockerVolume `json:"docker_volume,omitempty"`
	Secret       *Secret       `json:"secret,omitempty"` // always read-only

	CSIVolume json.RawMessage `json:"csi_volume,omitempty"`
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

// A DockerVolume is a named volume, which is created if it does not exist.
type DockerVolume struct {
	Driver string `json:"driver,omitempty"` // default: that of the volume
	Name   string `json:"name"`

	DriverOptions json.RawMessage `json:"driver_options,omitempty"`
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

func (v Volume) mount() (m mctr.Volume, err error) {
	m = mctr.Volume{Target: v.ContainerPath, ReadOnly: v.Mode == "RO"}
	if v.Mode != "RO" && v.Mode != "RW" {
		return m, fmt.Errorf("%w: mode %q: want RO or RW", mctr.ErrInvalid, v.Mode)
	}
	switch {
	case v.Image != nil && (v.Source != nil || v.HostPath != ""), v.Source != nil && v.HostPath != "":
		return m, fmt.Errorf("%w: more than one of host_path, image and source", mctr.ErrInvalid)
	case v.Image != nil:
		m.Type = mctr.VolumeImage
		m.Source, err = v.Image.Reference()
		return m, err
	case v.Source != nil:
		return m, v.Source.fill(&m)
	case v.HostPath == "":
		return m, fmt.Errorf("%w: none of host_path, image and source", mctr.ErrInvalid)
	}
	m.Type, m.Source = mctr.VolumeBind, v.HostPath
	if !strings.HasPrefix(v.HostPath, "/") { // as with Mesos, a relative path is in the sandbox
		m.Type = mctr.VolumeSandbox
	}
	return m, nil
}

func (s *VolumeSource) fill(m *mctr.Volume) (err error) {
	switch {
	case s.sources() != 1:
	case s.Type == "HOST_PATH" && s.HostPath != nil:
		m.Type, m.Source = mctr.VolumeBind, s.HostPath.Path
		return s.HostPath.MountPropagation.fill(m)
	case s.Type == "SANDBOX_PATH" && s.SandboxPath != nil:
		kinds := map[string]string{"SELF": mctr.VolumeSandbox, "PARENT": mctr.VolumeParentSandbox}
		m.Type, m.Source = kinds[s.SandboxPath.Type], s.SandboxPath.Path
		if m.Type == "" {
			return fmt.Errorf("%w: sandbox_path: type %q: want SELF or PARENT", mctr.ErrInvalid, s.SandboxPath.Type)
		}
		return nil
	case s.Type == "DOCKER_VOLUME" && s.DockerVolume != nil:
		return s.DockerVolume.fill(m)
	case s.Type == "SECRET" && s.Secret != nil:
		m.Type = mctr.VolumeSecret
		m.Source, m.Value, err = s.Secret.resolve("secret")
		return err
	}
	return refused("a volume with a source of type "+s.Type,
		"want HOST_PATH with host_path, SANDBOX_PATH with sandbox_path, DOCKER_VOLUME with docker_volume, "+
			"or SECRET with secret")
}

// sources returns the number of sources that are given.
func (s *VolumeSource) sources() (n int) {
	for _, is := range []bool{s.HostPath != nil, s.SandboxPath != nil, s.DockerVolume != nil, s.Secret != nil,
		given(s.CSIVolume)} {
		if is {
			n++
		}
	}
	return n
}

func (d *DockerVolume) fill(m *mctr.Volume) error {
	if given(d.DriverOptions) {
		return refused("docker_volume.driver_options", "create the volume with CREATE_VOLUME")
	}
	m.Type, m.Source = mctr.VolumeNamed, d.Name
	if d.Driver != "" {
		m.Type = d.Driver
	}
	return mctr.ValidateVolumeName(d.Name)
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
