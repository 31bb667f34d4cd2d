package api

// A ProcessIO is a message of a stream: data to or from a process, or a control message.
type ProcessIO struct {
	Type    string   `json:"type"` // DATA, CONTROL
	Data    *Data    `json:"data,omitempty"`
	Control *Control `json:"control,omitempty"`
}

// Data is a piece of a standard stream. An empty piece of STDIN closes stdin.
type Data struct {
	Type string `json:"type"` // STDIN, STDOUT, STDERR
	Data []byte `json:"data"`
}

// A Control is a message other than data.
type Control struct {
	Type      string     `json:"type"` // TTY_INFO, HEARTBEAT
	TTYInfo   *TTYInfo   `json:"tty_info,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// A Heartbeat is sent at intervals to show that the connection works.
type Heartbeat struct {
	Interval *Duration `json:"interval,omitempty"`
}

// A Duration is the DurationInfo of Mesos.
type Duration struct {
	Nanoseconds int64 `json:"nanoseconds"`
}

// An Input is a message of ATTACH_CONTAINER_INPUT. The first one names the container, the others have
// its input.
type Input struct {
	Type        string       `json:"type"` // CONTAINER_ID, PROCESS_IO
	ContainerID *ContainerID `json:"container_id,omitempty"`
	ProcessIO   *ProcessIO   `json:"process_io,omitempty"`
}
