package logs

import (
	"bytes"
	"unicode/utf8"
)

// maxText is the longest text in one line of a log: longer lines of a task
// become several, all but the last marked as partial (the CRI's 16 KiB).
const maxText = 16 << 10

// A piece is the text of one line of a log.
type piece struct {
	text    []byte
	partial bool // no newline followed
}

// split takes the first piece off data and says how many bytes that were, the
// newline included: 0 where data is but the start of a line.
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

// wholeRunes is n, or a little less where data would be cut inside a character.
func wholeRunes(data []byte, n int) int {
	for k := n; k > n-utf8.UTFMax; k-- {
		if utf8.RuneStart(data[k]) {
			return k
		}
	}
	return n // not text
}
