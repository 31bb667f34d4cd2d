package api

// A ProcessIO is a message of a stream: data of a process, or control of it.
type ProcessIO struct {
	Type    string   `json:"type"` // DATA, CONTROL
	Data    *Data    `json:"data,omitempty"`
	Control *Control `json:"control,omitempty"`
}

// Data is a piece of a standard stream. An empty piece of STDIN is its end.
type Data struct {
	Type string `json:"type"` // STDIN, STDOUT, STDERR
	Data []byte `json:"data"`
}

// A Control is anything else.
type Control struct {
	Type      string     `json:"type"` // TTY_INFO, HEARTBEAT
	TTYInfo   *TTYInfo   `json:"tty_info,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// A Heartbeat says that the connection lives.
type Heartbeat struct {
	Interval *Duration `json:"interval,omitempty"`
}

// A Duration is Mesos' DurationInfo.
type Duration struct {
	Nanoseconds int64 `json:"nanoseconds"`
}

// An Input is a message to ATTACH_CONTAINER_INPUT: first which container, then what.
type Input struct {
	Type        string       `json:"type"` // CONTAINER_ID, PROCESS_IO
	ContainerID *ContainerID `json:"container_id,omitempty"`
	ProcessIO   *ProcessIO   `json:"process_io,omitempty"`
}
