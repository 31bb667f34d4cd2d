package logs

import "time"

// An encoder writes the lines of one batch, which share stream and time.
type encoder interface {
	begin(now time.Time, s Stream)
	appendLine(dst []byte, p piece) []byte
	worst(text int) int // the most bytes that a line of so much text takes
}

// newEncoder is nil for drivers whose files have no lines of ours.
func newEncoder(driver string) encoder {
	switch driver {
	case DriverCRI:
		return &criEncoder{}
	case DriverJSONFile:
		return &jsonEncoder{}
	}
	return nil
}

// newParser returns what reads a line of the driver, without its newline; nil
// where lines are the task's own.
func newParser(driver string) func(line []byte) (Entry, error) {
	switch driver {
	case DriverCRI:
		return parseCRI
	case DriverJSONFile:
		return parseJSON
	}
	return nil
}
