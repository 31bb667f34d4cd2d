package mctr

// A Phase is a stage of a container's life.
type Phase string

// The phases, in order. The first six are Mesos' states of a launch.
const (
	Created      Phase = "CREATED"      // recorded, never launched
	Provisioning Phase = "PROVISIONING" // image to root filesystem
	Preparing    Phase = "PREPARING"    // isolators acquire what they need
	Fetching     Phase = "FETCHING"     // files into the sandbox
	Isolating    Phase = "ISOLATING"    // the process exists and is blocked
	Running      Phase = "RUNNING"
	Paused       Phase = "PAUSED"
	Destroying   Phase = "DESTROYING"
	Exited       Phase = "EXITED"  // the process exited, and that is recorded
	Lost         Phase = "LOST"    // its shim died: the exit status is unknown
	Damaged      Phase = "DAMAGED" // its records are missing or unreadable: see Status.Damage
)

// Launching returns true if the container is being launched. If no process holds its lock in
// such a phase, the launch was abandoned, and any process may undo it.
func (p Phase) Launching() bool {
	return p == Provisioning || p == Preparing || p == Fetching || p == Isolating
}

// Alive returns true if a container in this phase runs.
func (p Phase) Alive() bool { return p == Running || p == Paused }
