// Package recordio reads and writes the records of Mesos' streams. A record is its length in
// decimal, a newline, and that many bytes. The package creates nothing on disk.
package recordio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ErrFormat is wrapped by every error about malformed records.
var ErrFormat = errors.New("recordio")

// maxDigits bounds the number of digits of a length; 20 digits hold any 64-bit number.
const maxDigits = 20

// A Reader reads records up to a maximum length.
type Reader struct {
	r    *bufio.Reader
	most int
}

// NewReader returns a Reader of r that refuses records of more than most bytes.
func NewReader(r io.Reader, most int) *Reader { return &Reader{bufio.NewReader(r), most} }

// Next returns the next record, or io.EOF if the stream ends after a whole record.
func (r *Reader) Next() ([]byte, error) {
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	record := make([]byte, n)
	if _, err := io.ReadFull(r.r, record); err != nil {
		return nil, cut(err)
	}
	return record, nil
}

func (r *Reader) length() (int, error) {
	var digits []byte
	for {
		b, err := r.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(digits) == 0:
			return 0, io.EOF
		case err != nil:
			return 0, cut(err)
		case b == '\n':
			return r.parse(string(digits))
		case b < '0' || b > '9' || len(digits) == maxDigits:
			return 0, fmt.Errorf("%w: want a length in decimal and a newline, got %q", ErrFormat, append(digits, b))
		}
		digits = append(digits, b)
	}
}

func (r *Reader) parse(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: length %q", ErrFormat, digits)
	}
	if n > uint64(r.most) {
		return 0, fmt.Errorf("%w: a record of %d bytes: want at most %d", ErrFormat, n, r.most)
	}
	return int(n), nil
}

// cut returns the error for a failed read within a record.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the stream ends within a record", ErrFormat)
	}
	return err
}

// Append adds record to b.
func Append(b, record []byte) []byte {
	b = append(strconv.AppendInt(b, int64(len(record)), 10), '\n')
	return append(b, record...)
}
