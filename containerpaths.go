package mctr

// A Handle names what one container has on its host, whether the container exists or not. An isolator
// finds its own records and objects by it. All paths are absolute.
type Handle struct {
	ID ContainerID

	Dir     string // for what survives a reboot; an isolator's files are below Dir/<isolator>
	State   string // for what is void after a reboot; an isolator's files are below State/<isolator>
	Rootfs  string // where the root filesystem is mounted
	RW      string // what the container wrote to its root filesystem, if it has an image
	Sandbox string // the container's own directory for its files, $MESOS_SANDBOX

	// Cgroup is the control group of the container's own processes, ParentCgroup that of the
	// container it is nested in, "" for a root. They are relative to the hierarchies' roots.
	Cgroup, ParentCgroup string
}

// HandleOf returns the handle of any container of one containerizer.
type HandleOf func(ContainerID) Handle
