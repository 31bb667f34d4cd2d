package mctr

import "time"

// A ContainerConfig is what a caller asks for: plain data, stored with the
// container. The zero value of a field means the default, which is what docker
// gives a container. A config is written to disk, except the values of secrets in it:
// other fields are not for secrets.
type ContainerConfig struct {
	Name   string            `json:"name,omitempty"`
	Owner  string            `json:"owner,omitempty"` // an agent's instance name, or "cli"
	Labels map[string]string `json:"labels,omitempty"`

	// Image is a reference as package provisioner reads it. Empty means the
	// host's filesystem with a sandbox of the container's own.
	Image    string `json:"image,omitempty"`
	Platform string `json:"platform,omitempty"` // os/arch[/variant]; empty is the host's
	Pull     string `json:"pull,omitempty"`     // always, missing (default), never, newer

	// Runtime is the OCI runtime that creates the container: the absolute path of
	// a program with runc's command line, or a name to look for in PATH, which is
	// stored as a path. Empty is the built-in one.
	Runtime string `json:"runtime,omitempty"`

	Process Process `json:"process"`

	Hostname string   `json:"hostname,omitempty"`  // default: the short id; the host's with its network
	ReadOnly bool     `json:"read_only,omitempty"` // the root filesystem
	Volumes  []Volume `json:"volumes,omitempty" formerly:"mounts"`
	// VolumesFrom are containers, by id, name or the start of an id, with ":ro" for read-only mounts: their
	// bind mounts and named volumes are added to Volumes when this container is created.
	VolumesFrom []string          `json:"volumes_from,omitempty"`
	ShmSize     int64             `json:"shm_size,omitempty"` // bytes of /dev/shm; 0 is 64 MiB
	Sysctls     map[string]string `json:"sysctls,omitempty"`
	Namespaces  Namespaces        `json:"namespaces"`
	// none, host, parent (a nested container's default), container:ID. A root container with
	// neither Network nor Networks gets the default bridge, or none if its plugins are missing.
	Network string `json:"network,omitempty"`

	// Networks are CNI networks: the interfaces eth0, eth1, ... in this order.
	// Network is "" then.
	Networks   []NetworkConfig `json:"networks,omitempty"`
	Ports      []Port          `json:"ports,omitempty"`       // of the host, by the first network that can
	PublishAll bool            `json:"publish_all,omitempty"` // also the ports that the image exposes
	DNS        DNS             `json:"dns,omitzero"`          // default: the network's, then the host's
	ExtraHosts []string        `json:"extra_hosts,omitempty"` // NAME:IP for /etc/hosts; the IP may be host-gateway
	Listen     *ListenPolicy   `json:"listen,omitempty"`      // nil: its parent's, or it may listen where it can

	Resources Resources `json:"resources"`
	// GroupResources limit a root and all that is nested in it, together: cpu,
	// memory and pids.
	GroupResources Resources `json:"group_resources,omitzero"`
	Rlimits        []Rlimit  `json:"rlimits,omitempty"`
	Devices        []Device  `json:"devices,omitempty"`
	Security       Security  `json:"security"`

	Restart    RestartPolicy `json:"restart,omitzero"` // followed by the process that watches the container
	Health     *HealthCheck  `json:"health,omitempty"` // nil: the image's HEALTHCHECK, if it has one
	Ready      *HealthCheck  `json:"ready,omitempty"`  // readiness; a failure does not end the container
	Log        LogConfig     `json:"log"`
	StopSignal string        `json:"stop_signal,omitempty"` // default: the image's, then SIGTERM
	// StopTimeout is the time from the stop signal to SIGKILL; nil: 10 s; negative: SIGKILL is never sent
	StopTimeout   *Duration         `json:"stop_timeout,omitempty"`
	MaxCompletion Duration          `json:"max_completion,omitempty"` // 0: no bound
	Remove        bool              `json:"remove,omitempty"`         // remove the container after its exit
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// DefaultStopTime is the time that a container has to exit after its stop signal.
const DefaultStopTime = 10 * time.Second

// StopTime returns the time that the container has to exit after its stop signal.
func (c *ContainerConfig) StopTime() time.Duration {
	switch {
	case c.StopTimeout == nil:
		return DefaultStopTime
	case *c.StopTimeout < 0:
		return Forever
	}
	return time.Duration(*c.StopTimeout)
}

// Forever is longer than any container runs, and can be added to a time without overflow.
const Forever = time.Duration(1<<62 - 1)

// A Process is what runs in the container.
type Process struct {
	// Entrypoint replaces the image's when not nil; an empty one clears it. An
	// entrypoint given here also drops the image's Cmd, as with docker.
	Entrypoint *[]string `json:"entrypoint,omitempty"`
	Args       []string  `json:"args,omitempty"` // replaces the image's Cmd when not empty
	Env        []string  `json:"env,omitempty"`  // NAME=VALUE, added to the image's
	// SecretEnv are variables whose values are secrets. They replace variables of the image.
	SecretEnv  []SecretVariable `json:"secret_env,omitempty"`
	WorkingDir string           `json:"working_dir,omitempty"`
	User       string           `json:"user,omitempty"`      // user[:group], names or numbers, looked up in the image
	GroupAdd   []string         `json:"group_add,omitempty"` // supplementary groups
	Init       bool             `json:"init,omitempty"`      // a reaping init as pid 1
	Pause      bool             `json:"pause,omitempty"`     // no command but a reaping init: the root of a group
	Tasks      []string         `json:"tasks,omitempty"`     // of the group, by the last part of their ids
	Terminal   bool             `json:"terminal,omitempty"`
	Stdin      bool             `json:"stdin,omitempty"` // keep stdin open for a client
}

// SandboxPath is where a container with an image sees its sandbox (Mesos: --sandbox_directory). A
// container without an image sees it at its path on the host.
const SandboxPath = "/mnt/mesos/sandbox"

// Namespaces says which namespaces the container has: "private" is one of its own, "host" the
// host's, "parent" that of the container it is nested in. "" means private for a root container,
// and for a nested one the parent's ipc and uts namespaces.
type Namespaces struct {
	PID    string `json:"pid,omitempty"`
	IPC    string `json:"ipc,omitempty"`
	UTS    string `json:"uts,omitempty"`
	Cgroup string `json:"cgroup,omitempty"`
}

// A Rlimit is a limit of setrlimit(2). -1 is infinity.
type Rlimit struct {
	Type string `json:"type"` // nofile, or RLIMIT_NOFILE, or Mesos' RLMT_NOFILE
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// A Device is a device node of the host that the container may use.
type Device struct {
	Source      string `json:"source"`                // absolute host path; a directory gives all nodes in it
	Target      string `json:"target,omitempty"`      // default: Source
	Permissions string `json:"permissions,omitempty"` // of r, w, m; default rwm
}

// Security is what a container may do, compared with docker's defaults.
type Security struct {
	Privileged      bool     `json:"privileged,omitempty"`
	CapAdd          []string `json:"cap_add,omitempty"`  // CAP_NET_ADMIN, net_admin, or ALL
	CapDrop         []string `json:"cap_drop,omitempty"` // overrides the defaults; CapAdd overrides ALL here
	NoNewPrivileges bool     `json:"no_new_privileges,omitempty"`
	// Seccomp is "" for the default profile, "unconfined", or a profile in
	// docker's JSON form.
	Seccomp string `json:"seccomp,omitempty"`
}

// LogConfig says how stdout and stderr are kept.
type LogConfig struct {
	Driver   string `json:"driver,omitempty"`    // cri (default), json-file, raw, none
	MaxSize  int64  `json:"max_size,omitempty"`  // bytes of one file; 0: 20 MiB; -1: no limit, and no rotation
	MaxFiles int    `json:"max_files,omitempty"` // kept files, the current one among them; 0: 5
}
