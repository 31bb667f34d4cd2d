package logs

import (
	"bytes"
	"errors"
	"time"
)

// timeForm is RFC 3339 with all nine digits, so that the heads of all lines have the same length.
const timeForm = "2006-01-02T15:04:05.000000000Z07:00"

// criEncoder writes the format of the CRI.
type criEncoder struct{ full, partial []byte } // heads of the batch's lines

func (e *criEncoder) begin(now time.Time, s Stream) {
	head := now.UTC().AppendFormat(e.full[:0], timeForm)
	head = append(head, ' ')
	head = append(head, s.String()...)
	e.partial = append(append(e.partial[:0], head...), " P "...)
	e.full = append(head, " F "...)
}

func (e *criEncoder) appendLine(dst []byte, p piece) []byte {
	head := e.full
	if p.partial {
		head = e.partial
	}
	dst = append(dst, head...)
	dst = append(dst, p.text...)
	return append(dst, '\n')
}

func (e *criEncoder) worst(text int) int { return text + len(timeForm) + len(" stdout F \n") }

var errNotCRI = errors.New("not a line of a CRI log")

// parseCRI parses a line without its newline; the entry's text is a part of line. In the CRI,
// colons separate tags, of which the first is P or F.
func parseCRI(line []byte) (Entry, error) {
	stamp, rest, ok := bytes.Cut(line, []byte{' '})
	name, rest, ok2 := bytes.Cut(rest, []byte{' '})
	tags, text, ok3 := bytes.Cut(rest, []byte{' '})
	stream, ok4 := parseStream(name)
	if !ok || !ok2 || !ok3 || !ok4 {
		return Entry{}, errNotCRI
	}
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return Entry{}, errNotCRI
	}
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	if string(tag) != "P" && string(tag) != "F" {
		return Entry{}, errNotCRI
	}
	return Entry{Time: at, Stream: stream, Text: text, Partial: tag[0] == 'P'}, nil
}
