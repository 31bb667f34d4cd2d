package api

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// A ContainerInfo describes the container that a command runs in.
type ContainerInfo struct {
	Type       string      `json:"type,omitempty"` // MESOS
	Mesos      *MesosInfo  `json:"mesos,omitempty"`
	Hostname   string      `json:"hostname,omitempty"`
	Volumes    []Volume    `json:"volumes,omitempty"`
	LinuxInfo  *LinuxInfo  `json:"linux_info,omitempty"`
	RLimitInfo *RLimitInfo `json:"rlimit_info,omitempty"`
	TTYInfo    *TTYInfo    `json:"tty_info,omitempty"`

	NetworkInfos []NetworkInfo `json:"network_infos,omitempty"` // CNI networks; none: the network of the host

	Docker json.RawMessage `json:"docker,omitempty"`
}

// A MesosInfo names the image of a container of type MESOS.
type MesosInfo struct {
	Image *Image `json:"image,omitempty"`
}

// An Image refers to an image.
type Image struct {
	Type   string       `json:"type"` // DOCKER
	Docker *DockerImage `json:"docker,omitempty"`
	Cached *bool        `json:"cached,omitempty"` // default true; false asks the registry again

	Appc json.RawMessage `json:"appc,omitempty"`
}

// A DockerImage refers to an image by name.
type DockerImage struct {
	Name string `json:"name"`

	Credential json.RawMessage `json:"credential,omitempty"`
	Config     json.RawMessage `json:"config,omitempty"`
}

// A TTYInfo gives the command a terminal.
type TTYInfo struct {
	WindowSize *WindowSize `json:"window_size,omitempty"`
}

// A WindowSize is the size of a terminal, in characters.
type WindowSize struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// An RLimitInfo is a list of resource limits for setrlimit(2).
type RLimitInfo struct {
	RLimits []RLimit `json:"rlimits,omitempty"`
}

// An RLimit is one resource limit. Without numbers it is unlimited.
type RLimit struct {
	Type string  `json:"type"` // RLMT_NOFILE, ...
	Soft *uint64 `json:"soft,omitempty"`
	Hard *uint64 `json:"hard,omitempty"`
}

// Reference returns the name of the image in the form that package provisioner reads.
func (i *Image) Reference() (string, error) {
	switch {
	case i.Type != "DOCKER" || i.Docker == nil || given(i.Appc):
		return "", refused("image: type "+i.Type, "the type must be DOCKER")
	case given(i.Docker.Credential), given(i.Docker.Config):
		return "", refused("image.docker: credential and config", "the agent reads credentials only from its own files")
	case i.Docker.Name == "":
		return "", fmt.Errorf("%w: image.docker: name is missing", mctr.ErrInvalid)
	}
	return i.Docker.Name, nil
}

// fill copies the container to the config. The namespaces of the parent are the host's unless the
// container is nested.
func (c *ContainerInfo) fill(config *mctr.ContainerConfig, nested bool) error {
	if c.Type != "MESOS" || given(c.Docker) {
		return refused(fmt.Sprintf("container: type %q", c.Type), "the type must be MESOS")
	}
	config.Hostname = c.Hostname
	for _, part := range []func(*mctr.ContainerConfig, bool) error{c.image, c.volumes, c.linux, c.rlimits, c.networks} {
		if err := part(config, nested); err != nil {
			return err
		}
	}
	if c.TTYInfo != nil {
		config.Process.Terminal, config.Process.Stdin = true, true
	}
	return nil
}

func (c *ContainerInfo) image(config *mctr.ContainerConfig, _ bool) (err error) {
	if c.Mesos == nil || c.Mesos.Image == nil {
		return nil
	}
	if cached := c.Mesos.Image.Cached; cached != nil && !*cached {
		config.Pull = "always"
	}
	config.Image, err = c.Mesos.Image.Reference()
	return err
}

func (c *ContainerInfo) rlimits(config *mctr.ContainerConfig, _ bool) error {
	if c.RLimitInfo == nil {
		return nil
	}
	for _, l := range c.RLimitInfo.RLimits {
		if (l.Soft == nil) != (l.Hard == nil) {
			return fmt.Errorf("%w: rlimit_info: %s: want both soft and hard, or neither", mctr.ErrInvalid, l.Type)
		}
		limit := mctr.Rlimit{Type: l.Type, Soft: -1, Hard: -1}
		if l.Soft != nil {
			limit.Soft, limit.Hard = int64(min(*l.Soft, 1<<63-1)), int64(min(*l.Hard, 1<<63-1))
		}
		config.Rlimits = append(config.Rlimits, limit)
	}
	return nil
}

// A LinuxInfo has settings that exist only on Linux.
type LinuxInfo struct {
	CapabilityInfo        *Capabilities `json:"capability_info,omitempty"`
	BoundingCapabilities  *Capabilities `json:"bounding_capabilities,omitempty"`
	EffectiveCapabilities *Capabilities `json:"effective_capabilities,omitempty"`
	SharePIDNamespace     bool          `json:"share_pid_namespace,omitempty"`
	Seccomp               *Seccomp      `json:"seccomp,omitempty"`
	IPCMode               string        `json:"ipc_mode,omitempty"` // PRIVATE, SHARE_PARENT
	ShmSize               int64         `json:"shm_size,omitempty"` // MiB
	ShareCgroups          *bool         `json:"share_cgroups,omitempty"`
}

// Capabilities is a list of names as in capabilities(7).
type Capabilities struct {
	Capabilities []string `json:"capabilities"`
}

// A Seccomp selects the filter of system calls.
type Seccomp struct {
	ProfileName string `json:"profile_name,omitempty"`
	Unconfined  bool   `json:"unconfined,omitempty"`
}

func (c *ContainerInfo) linux(config *mctr.ContainerConfig, nested bool) error {
	l := c.LinuxInfo
	if l == nil {
		return nil
	}
	if l.ShareCgroups != nil && *l.ShareCgroups {
		return refused("linux_info.share_cgroups", "every container has its own control group")
	}
	outer := "host"
	if nested {
		outer = "parent"
	}
	if l.SharePIDNamespace {
		config.Namespaces.PID = outer
	}
	switch l.IPCMode {
	case "", "UNKNOWN":
	case "PRIVATE":
		config.Namespaces.IPC = "private"
	case "SHARE_PARENT":
		config.Namespaces.IPC = outer
	default:
		return fmt.Errorf("%w: linux_info.ipc_mode %q", mctr.ErrInvalid, l.IPCMode)
	}
	config.ShmSize = l.ShmSize << 20
	return l.security(&config.Security)
}

func (l *LinuxInfo) security(s *mctr.Security) error {
	if l.ShmSize < 0 || l.ShmSize > 1<<30 {
		return fmt.Errorf("%w: linux_info.shm_size %d", mctr.ErrInvalid, l.ShmSize)
	}
	if p := l.Seccomp; p != nil {
		if p.ProfileName != "" {
			return refused("linux_info.seccomp.profile_name", "this agent has no directory of seccomp profiles")
		}
		if p.Unconfined {
			s.Seccomp = "unconfined"
		}
	}
	var wanted *Capabilities
	for _, given := range []*Capabilities{l.CapabilityInfo, l.BoundingCapabilities, l.EffectiveCapabilities} {
		if given == nil {
			continue
		}
		if wanted != nil && !slices.Equal(wanted.Capabilities, given.Capabilities) {
			return refused("linux_info: bounding_capabilities other than effective_capabilities",
				"mctr sets both to the same capabilities")
		}
		wanted = given
	}
	if wanted != nil {
		s.CapDrop, s.CapAdd = []string{"ALL"}, wanted.Capabilities
	}
	return nil
}
