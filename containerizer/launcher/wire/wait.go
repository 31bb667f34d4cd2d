package wire

// A Wait asks for the container's end.
type Wait struct {
	// Clean says that this client will release the container's resources: the
	// shim then waits, after its answer, for VerbClean or the connection's end,
	// and runs its exit command only after the latter.
	Clean bool `json:"clean,omitempty"`
}
