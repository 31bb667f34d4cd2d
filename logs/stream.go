package logs

// A Stream is one of a task's two outputs or, in ReadOptions, a set of them.
type Stream uint8

// The streams.
const (
	Stdout Stream = 1 << iota
	Stderr
)

// String returns "stdout" or "stderr", as in the lines of a log.
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	case Stdout | Stderr:
		return "stdout and stderr"
	}
	return "no stream"
}

func parseStream(name []byte) (Stream, bool) {
	switch string(name) {
	case "stdout":
		return Stdout, true
	case "stderr":
		return Stderr, true
	}
	return 0, false
}
