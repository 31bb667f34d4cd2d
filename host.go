package mctr

// HostFacts describe a host with containers.
type HostFacts struct {
	Version         string `json:"version"` // of the program that answered
	Backend         string `json:"backend"` // that a launch takes: overlay or copy
	CgroupVersion   string `json:"cgroup_version"`
	Kernel          string `json:"kernel"`
	OS              string `json:"os"`
	Architecture    string `json:"architecture"`
	OperatingSystem string `json:"operating_system,omitempty"` // the distribution
	Name            string `json:"name"`
	Root            string `json:"root"`
	State           string `json:"state"`
	CPUs            int    `json:"cpus"`
	Memory          int64  `json:"memory"` // bytes
}

// The states of a [Finding].
const (
	FindingOK      = "ok"
	FindingMissing = "missing" // some flags are refused without it
	FindingBroken  = "broken"  // mctr does not work without it
)

// A Finding is a feature that a host has or lacks.
type Finding struct {
	// cgroups, namespaces, filesystems, security, programs, runtimes, network, gpu
	Area   string `json:"area"`
	What   string `json:"what"`             // the feature
	State  string `json:"state"`            // ok, missing, broken
	Detail string `json:"detail,omitempty"` // what was found
	Remedy string `json:"remedy,omitempty"` // for a feature that the host lacks
}
