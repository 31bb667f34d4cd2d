package mctr

import "time"

// A Status is what is known of a container at one moment.
type Status struct {
	ID     ContainerID      `json:"id"`
	Config *ContainerConfig `json:"config"`
	Phase  Phase            `json:"phase"`
	// of one in phase Damaged: which records are missing or unreadable
	Damage  string    `json:"damage,omitempty"`
	Pid     int       `json:"pid,omitempty"`      // of its init, in the host's namespace
	ShimPid int       `json:"shim_pid,omitempty"` // of its supervisor
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	// Termination is set once the container has ended.
	Termination *Termination `json:"termination,omitempty"`
	// Cleaned is false for an ended container whose resources are not yet released.
	Cleaned    bool      `json:"cleaned"`
	Restarts   int       `json:"restarts,omitempty"`    // starts after the first end
	Restarting bool      `json:"restarting,omitempty"`  // it has ended, and its policy is about to start it again
	StartError string    `json:"start_error,omitempty"` // why its policy's last start of it failed
	ImageID    string    `json:"image_id,omitempty"`
	Path       string    `json:"path,omitempty"` // argv[0] as it was started
	Args       []string  `json:"args,omitempty"`
	CgroupPath string    `json:"cgroup_path,omitempty"`
	Rootfs     string    `json:"rootfs,omitempty"` // of one that runs, as the host sees it: to be read
	Sandbox    string    `json:"sandbox,omitempty"`
	LogDir     string    `json:"log_dir,omitempty"`
	Mounts     []Mount   `json:"mounts,omitempty"`
	Health     *Health   `json:"health,omitempty"` // of a running container that is probed
	Ready      *Health   `json:"ready,omitempty"`  // the same of its readiness: healthy is ready
	Timings    []Timing  `json:"timings,omitempty"`
	Networks   []Network `json:"networks,omitempty"` // its interfaces in CNI networks
	Ports      []Port    `json:"ports,omitempty"`    // of the host, as they were chosen
	Warnings   []string  `json:"warnings,omitempty"`
	StopSignal string    `json:"stop_signal,omitempty"`
}

// A Timing is when a checkpoint of the launch was reached.
type Timing struct {
	Checkpoint string    `json:"checkpoint"`
	At         time.Time `json:"at"`
}
