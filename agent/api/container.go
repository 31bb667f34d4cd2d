package api

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// A ContainerInfo is what a command runs in.
type ContainerInfo struct {
	Type       string      `json:"type,omitempty"` // MESOS
	Mesos      *MesosInfo  `json:"mesos,omitempty"`
	Hostname   string      `json:"hostname,omitempty"`
	Volumes    []Volume    `json:"volumes,omitempty"`
	LinuxInfo  *LinuxInfo  `json:"linux_info,omitempty"`
	RLimitInfo *RLimitInfo `json:"rlimit_info,omitempty"`
	TTYInfo    *TTYInfo    `json:"tty_info,omitempty"`

	NetworkInfos []NetworkInfo `json:"network_infos,omitempty"` // CNI networks; none: the host's network

	Docker json.RawMessage `json:"docker,omitempty"`
}

// A MesosInfo names the image.
type MesosInfo struct {
	Image *Image `json:"image,omitempty"`
}

// An Image is a reference to one.
type Image struct {
	Type   string       `json:"type"` // DOCKER
	Docker *DockerImage `json:"docker,omitempty"`
	Cached *bool        `json:"cached,omitempty"` // default true; false asks the registry again

	Appc json.RawMessage `json:"appc,omitempty"`
}

// A DockerImage is an image by its name.
type DockerImage struct {
	Name string `json:"name"`

	Credential json.RawMessage `json:"credential,omitempty"`
	Config     json.RawMessage `json:"config,omitempty"`
}

// A TTYInfo gives the command a terminal.
type TTYInfo struct {
	WindowSize *WindowSize `json:"window_size,omitempty"`
}

// A WindowSize is a terminal's, in characters.
type WindowSize struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// An RLimitInfo is a list of limits of setrlimit(2).
type RLimitInfo struct {
	RLimits []RLimit `json:"rlimits,omitempty"`
}

// An RLimit without numbers is unlimited.
type RLimit struct {
	Type string  `json:"type"` // RLMT_NOFILE, ...
	Soft *uint64 `json:"soft,omitempty"`
	Hard *uint64 `json:"hard,omitempty"`
}

// Reference is the image's name as package provisioner reads it.
func (i *Image) Reference() (string, error) {
	switch {
	case i.Type != "DOCKER" || i.Docker == nil || given(i.Appc):
		return "", refused("image: type "+i.Type, "images are of type DOCKER")
	case given(i.Docker.Credential), given(i.Docker.Config):
		return "", refused("image.docker: credential and config", "credentials are read from the agent's own files")
	case i.Docker.Name == "":
		return "", fmt.Errorf("%w: image.docker: no name", mctr.ErrInvalid)
	}
	return i.Docker.Name, nil
}

// fill adds what the container says to the config; whether it is nested decides what "the parent's" is.
func (c *ContainerInfo) fill(config *mctr.ContainerConfig, nested bool) error {
	if c.Type != "MESOS" || given(c.Docker) {
		return refused(fmt.Sprintf("container: type %q", c.Type), "containers are of type MESOS")
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
			return fmt.Errorf("%w: rlimit_info: %s: both of soft and hard, or none", mctr.ErrInvalid, l.Type)
		}
		limit := mctr.Rlimit{Type: l.Type, Soft: -1, Hard: -1}
		if l.Soft != nil {
			limit.Soft, limit.Hard = int64(min(*l.Soft, 1<<63-1)), int64(min(*l.Hard, 1<<63-1))
		}
		config.Rlimits = append(config.Rlimits, limit)
	}
	return nil
}

// A LinuxInfo is what Linux alone has.
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

// Capabilities are names of capabilities(7).
type Capabilities struct {
	Capabilities []string `json:"capabilities"`
}

// A Seccomp says how system calls are filtered.
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
		return refused("linux_info.share_cgroups", "every container has a control group of its own")
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
			return refused("linux_info.seccomp.profile_name", "the agent has no directory of profiles")
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
				"a container has one set of both")
		}
		wanted = given
	}
	if wanted != nil {
		s.CapDrop, s.CapAdd = []string{"ALL"}, wanted.Capabilities
	}
	return nil
}
