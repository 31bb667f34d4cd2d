package mctr

// A Handle names what one container has on its host, whether the container exists or not:
// what an isolator finds its own by. All paths are absolute.
type Handle struct {
	ID ContainerID

	Dir     string // records and data that survive a reboot; an isolator's are below Dir/<isolator>
	State   string // records that end with the boot; an isolator's are below State/<isolator>
	Rootfs  string // where the root filesystem is mounted
	RW      string // what the container wrote to its root filesystem, if it has an image
	Sandbox string // the container's own directory for its files, $MESOS_SANDBOX

	// Cgroup is the control group of the container's own processes, ParentCgroup that of the
	// container it is nested in, "" for a root. They are relative to the hierarchies' roots.
	Cgroup, ParentCgroup string
}

// HandleOf returns the handle of any container of one containerizer.
type HandleOf func(ContainerID) Handle
