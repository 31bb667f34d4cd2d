package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The streams of a chunk.
const (
	Stdin   byte = 0 // client to shim
	Stdout  byte = 1
	Stderr  byte = 2
	Resize  byte = 3 // client to shim: width and height, two bytes each
	EOF     byte = 4 // client to shim: end of stdin
	Dropped byte = 5 // shim to client: eight bytes, the number of bytes that the shim left out
	Exit    byte = 6 // shim to client: a Termination as JSON; the last chunk
	Signals byte = 7 // client to shim: four bytes, a signal for the exec process
	Credit  byte = 8 // shim to client: four bytes, the number of bytes of stdin that the shim has written
)

// Window is how many bytes of stdin a client may send before it has Credit for them. Without the
// bound, stdin that the process does not read would block all later chunks of the connection.
const Window = 256 << 10

// maxChunk bounds the data of a chunk in bytes.
const maxChunk = 1 << 20

// chunkHead is the length of a chunk's header: one byte for the stream and four for the length.
const chunkHead = 5

// WriteChunk sends data on stream. It splits data that is too long for one chunk.
func WriteChunk(w io.Writer, stream byte, data []byte) error {
	for {
		part := data[:min(len(data), maxChunk)]
		head := [chunkHead]byte{stream}
		binary.BigEndian.PutUint32(head[1:], uint32(len(part)))
		if _, err := w.Write(append(head[:], part...)); err != nil {
			return err
		}
		if data = data[len(part):]; len(data) == 0 {
			return nil
		}
	}
}

// ReadChunk receives one chunk. It reuses buf if buf is large enough.
func ReadChunk(r io.Reader, buf []byte) (stream byte, data []byte, err error) {
	var head [chunkHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n > maxChunk {
		return 0, nil, fmt.Errorf("%w: chunk of %d bytes, at most %d", ErrProtocol, n, maxChunk)
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, nil, fmt.Errorf("%w: truncated chunk: %w", ErrProtocol, err)
	}
	return head[0], buf[:n], nil
}
