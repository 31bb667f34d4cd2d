// Package wire is the protocol between the launcher and a container's shim. A unix stream socket
// carries frames: four bytes of length (big endian), and that many bytes of JSON. Each side first
// sends a [Hello]. Then the client sends requests, and the shim answers each [Request] with one
// [Response]. Attach and Exec turn their connection into a byte stream of chunks: see [WriteChunk].
//
// The package creates nothing on disk or in the kernel. A shim outlives the agent that started it,
// so this build must also speak the previous version: see [Version] and [Min]. An addition needs no
// new version: see [Hello.Lacks].
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mctr/mctr/internal/fields"
)

// Version is the protocol version of this build, and Min the oldest that it speaks.
const (
	Version = 1
	Min     = 1
)

// MaxFrame bounds the length of a frame in bytes, so that a peer cannot make this process allocate
// more.
const MaxFrame = 16 << 20

// ErrProtocol is wrapped by every error about a peer that violates the protocol.
var ErrProtocol = errors.New("shim protocol")

// A Hello is the first message of each side.
type Hello struct {
	Protocol int `json:"protocol"`
	Min      int `json:"min"`
	Pid      int `json:"pid"` // of the sender

	Build string `json:"build,omitempty"` // of the sender, for people
	// what the sender understands of the other side's messages; empty: not reported
	Understands []string `json:"understands,omitempty"`
}

// Agreed returns the version that both sides speak. The error wraps ErrProtocol if there is none.
func (h Hello) Agreed() (int, error) {
	v := min(h.Protocol, Version)
	if v < h.Min || v < Min {
		return 0, fmt.Errorf("%w: peer speaks %d to %d, this build %d to %d", ErrProtocol, h.Min, h.Protocol, Min,
			Version)
	}
	return v, nil
}

// Write sends v as one frame with one write(2).
func Write(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(body) > MaxFrame {
		return fmt.Errorf("%w: frame of %d bytes, at most %d", ErrProtocol, len(body), MaxFrame)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(frame, body...))
	return err
}

// Read receives one frame into v and ignores fields that v does not have. It returns io.EOF when
// the peer closed the connection between two frames.
func Read(r io.Reader, v any) error {
	body, err := readFrame(r)
	if err != nil {
		return err
	}
	return broken(fields.Unmarshal(body, v))
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("%w: frame of %d bytes, at most %d", ErrProtocol, n, MaxFrame)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("%w: truncated frame: %w", ErrProtocol, err)
	}
	return body, nil
}

// broken returns the error about a frame with invalid content; nil stays nil.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}
