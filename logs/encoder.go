package logs

import "time"

// An encoder writes the lines of one batch, which share stream and time.
type encoder interface {
	begin(now time.Time, s Stream)
	appendLine(dst []byte, p piece) []byte
	worst(text int) int // the longest line with a text of this many bytes
}

// newEncoder returns nil for drivers whose files are not divided into entries.
func newEncoder(driver string) encoder {
	switch driver {
	case DriverCRI:
		return &criEncoder{}
	case DriverJSONFile:
		return &jsonEncoder{}
	}
	return nil
}

// newParser returns the function that parses a line of the driver, without its newline. It is nil
// if lines are the task's own.
func newParser(driver string) func(line []byte) (Entry, error) {
	switch driver {
	case DriverCRI:
		return parseCRI
	case DriverJSONFile:
		return parseJSON
	}
	return nil
}
