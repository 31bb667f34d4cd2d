package mctr

// A Phase is where a container stands in its life.
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
	Exited       Phase = "EXITED"  // ended and recorded
	Lost         Phase = "LOST"    // its shim died: the end is unknown
	Damaged      Phase = "DAMAGED" // its records are gone or unreadable: see Status.Damage
)

// Launching reports whether the container is short of running: if nobody holds its
// lock then, it is abandoned and anybody may undo it.
func (p Phase) Launching() bool {
	return p == Provisioning || p == Preparing || p == Fetching || p == Isolating
}

// Alive returns true if a container in this phase runs.
func (p Phase) Alive() bool { return p == Running || p == Paused }
