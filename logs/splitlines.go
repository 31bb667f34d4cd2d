package logs

import (
	"bytes"
	"unicode/utf8"
)

// maxText is the longest text of one line of a log (16 KiB, as in the CRI). A longer line of a task
// becomes several, all but the last marked as partial.
const maxText = 16 << 10

// A piece is the text of one line of a log.
type piece struct {
	text    []byte
	partial bool // no newline followed
}

// split returns the first piece of data and its length including the newline, or 0 if data is only
// the start of a line.
func split(data []byte) (piece, int) {
	if i := bytes.IndexByte(data[:min(len(data), maxText+1)], '\n'); i >= 0 {
		return piece{text: data[:i]}, i + 1
	}
	if len(data) <= maxText {
		return piece{}, 0
	}
	n := wholeRunes(data, maxText)
	return piece{data[:n], true}, n
}

// wholeRunes returns n, or a little less if data would be cut inside a character.
func wholeRunes(data []byte, n int) int {
	for k := n; k > n-utf8.UTFMax; k-- {
		if utf8.RuneStart(data[k]) {
			return k
		}
	}
	return n // data is not UTF-8
}
