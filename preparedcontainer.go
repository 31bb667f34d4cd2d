package mctr

import "fmt"

// A Container describes the container that an isolator prepares. All paths are absolute host paths
// and exist when Prepare is called.
type Container struct {
	Handle
	Config *ContainerConfig
	Image  *ImageConfig // nil if the container uses the host's filesystem
	Parent *Parent      // nil for a root container

	// DryRun says that the container will not be created: the caller wants to know what the launch would do.
	// Prepare makes nothing that Cleanup leaves.
	DryRun bool

	// HandleOf is for an isolator that lets the container join another one.
	HandleOf HandleOf
}

// ImageConfig is the part of an OCI image config that a launch uses
// (image-spec, config.md, "config" object; the JSON names are the spec's).
type ImageConfig struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
}

// A ContainerState is a container that records prove to exist, as Recover receives it.
type ContainerState struct {
	Handle
	Config *ContainerConfig
	Phase  Phase
	Pid    int // of the container's init in the host's namespace; 0: none
}

// User returns the user of the process: the config's, or else the image's, or else "".
func (c *Container) User() string {
	if c.Config.Process.User == "" && c.Image != nil {
		return c.Image.User
	}
	return c.Config.Process.User
}

// A Parent is the running container that a nested one is in.
type Parent struct {
	ID      ContainerID
	Config  *ContainerConfig
	Pid     int    // of its init, in the host's namespace
	Sandbox string // its own directory
}

// Namespace returns the path of one of the parent's namespaces: pid, ipc, uts, net, ...
func (p *Parent) Namespace(kind string) string { return fmt.Sprintf("/proc/%d/ns/%s", p.Pid, kind) }
