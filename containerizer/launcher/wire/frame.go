// Package wire is the language between the launcher and a container's shim: a
// unix stream socket that carries frames of four bytes length (big endian) and
// that many bytes of JSON. Each side sends a [Hello] first; then the client asks
// and the shim answers, one [Response] for each [Request]. Attach and Exec turn
// their connection into a byte stream of [Chunk]s.
//
// The package creates nothing. A shim outlives the agent that started it, so a
// change here must keep speaking the previous version: see [Version] and [Min]. What
// is added needs no new version: see [Hello.Lacks].
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mctr/mctr/internal/fields"
)

// Version is the protocol of this build, Min the oldest it speaks.
const (
	Version = 1
	Min     = 1
)

// MaxFrame bounds a frame's length in bytes: nothing that arrives is believed.
const MaxFrame = 16 << 20

// ErrProtocol is wrapped by every error about a peer that breaks the protocol.
var ErrProtocol = errors.New("shim protocol")

// A Hello opens a connection.
type Hello struct {
	Protocol int `json:"protocol"`
	Min      int `json:"min"`
	Pid      int `json:"pid"` // of the sender

	Build string `json:"build,omitempty"` // of the sender, for people
	// by the sender, of what the other sends; empty: it does not say
	Understands []string `json:"understands,omitempty"`
}

// Agreed is the version that both sides speak.
func (h Hello) Agreed() (int, error) {
	v := min(h.Protocol, Version)
	if v < h.Min || v < Min {
		return 0, fmt.Errorf("%w: peer speaks %d to %d, this build %d to %d", ErrProtocol, h.Min, h.Protocol, Min,
			Version)
	}
	return v, nil
}

// Write sends v as one frame in one write.
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

// Read receives one frame into v, and passes over what v does not have. It returns
// io.EOF when the peer closed between frames.
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
		return nil, fmt.Errorf("%w: cut frame: %w", ErrProtocol, err)
	}
	return body, nil
}

// broken is the error of a frame that is not what it should be; nil stays nil.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}
