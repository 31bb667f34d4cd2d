package mctr

import "time"

// A Status is what is known of a container at one moment.
type Status struct {
	ID     ContainerID      `json:"id"`
	Config *ContainerConfig `json:"config"`
	Phase  Phase            `json:"phase"`
	// Damage says which records of a container in phase Damaged are missing or unreadable.
	Damage  string    `json:"damage,omitempty"`
	Pid     int       `json:"pid,omitempty"`      // of its init, in the host's namespace
	ShimPid int       `json:"shim_pid,omitempty"` // of its supervisor
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	// Termination is set once the container has exited.
	Termination *Termination `json:"termination,omitempty"`
	// Cleaned is false for an exited container that is not yet released.
	Cleaned    bool      `json:"cleaned"`
	Restarts   int       `json:"restarts,omitempty"`    // starts after the first exit
	Restarting bool      `json:"restarting,omitempty"`  // it has exited, and its restart is pending
	StartError string    `json:"start_error,omitempty"` // why the restart policy's last start failed
	ImageID    string    `json:"image_id,omitempty"`
	Path       string    `json:"path,omitempty"` // argv[0] of the process
	Args       []string  `json:"args,omitempty"`
	CgroupPath string    `json:"cgroup_path,omitempty"`
	Rootfs     string    `json:"rootfs,omitempty"` // of a running container, on the host; for reading
	Sandbox    string    `json:"sandbox,omitempty"`
	LogDir     string    `json:"log_dir,omitempty"`
	Mounts     []Mount   `json:"mounts,omitempty"`
	Health     *Health   `json:"health,omitempty"` // of a running container with a health check
	Ready      *Health   `json:"ready,omitempty"`  // of its readiness check: healthy means ready
	Timings    []Timing  `json:"timings,omitempty"`
	Networks   []Network `json:"networks,omitempty"` // interfaces in CNI networks
	Ports      []Port    `json:"ports,omitempty"`    // host ports, as chosen
	Warnings   []string  `json:"warnings,omitempty"`
	StopSignal string    `json:"stop_signal,omitempty"`
}

// A Timing is the time at which a checkpoint of the launch was reached.
type Timing struct {
	Checkpoint string    `json:"checkpoint"`
	At         time.Time `json:"at"`
}

// A Mount is a mount in a container, as the OCI runtime spec of its last run has it.
type Mount struct {
	Type    string   `json:"type"`
	Source  string   `json:"source,omitempty"` // on the host
	Target  string   `json:"target"`           // in the container
	Options []string `json:"options,omitempty"`
}
