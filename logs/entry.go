package logs

import "time"

// An Entry is one line of a log, or a gap in it.
type Entry struct {
	Time    time.Time // when it was captured; zero for driver raw
	Stream  Stream
	Text    []byte // without the newline; valid until emit returns
	Partial bool   // no newline followed: the next entry of the stream continues the line
	// Gap marks missing entries: their files were rotated away before they could be read. A Gap has
	// no Text.
	Gap bool
	// Removed is the number of bytes of the log that rotation removed, ever. It is set in the Gap
	// at the beginning of the remaining log.
	Removed int64
}

// size returns the number of bytes that the task printed for the entry.
func (e Entry) size() int64 {
	if e.Partial {
		return int64(len(e.Text))
	}
	return int64(len(e.Text)) + 1
}
