package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

func TestFrames(t *testing.T) {
	var conn bytes.Buffer
	sent := []wire.Request{
		{Verb: wire.VerbStart},
		{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: 15, All: true}},
		{Verb: wire.VerbCreate, Create: &wire.Create{ID: "a", SecretEnv: []string{"A=" + strings.Repeat("x", 100000)}}},
	}
	for _, r := range sent {
		if err := wire.Write(&conn, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range sent {
		var got wire.Request
		if err := wire.Read(&conn, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	var none wire.Request
	if err := wire.Read(&conn, &none); !errors.Is(err, io.EOF) {
		t.Errorf("between frames: %v, want io.EOF", err)
	}
}

func TestBrokenFrames(t *testing.T) {
	for name, data := range map[string]string{
		"too long":  "\xff\xff\xff\xff{}",
		"cut":       "\x00\x00\x00\x09{}",
		"no JSON":   "\x00\x00\x00\x02{]",
		"wrong":     "\x00\x00\x00\x0a{\"verb\":1}",
		"no length": "\x00\x00\x00\x00",
	} {
		var r wire.Request
		if err := wire.Read(strings.NewReader(data), &r); !errors.Is(err, wire.ErrProtocol) {
			t.Errorf("%s: %v, want ErrProtocol", name, err)
		}
	}
	if err := wire.Write(io.Discard, strings.Repeat("x", wire.MaxFrame)); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("a frame too long to send: %v", err)
	}
	if err := wire.Write(io.Discard, func() {}); err == nil {
		t.Error("a function was sent")
	}
}

// TestChunks sends data that needs no chunk, one and several.
func TestChunks(t *testing.T) {
	for _, length := range []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 19} {
		var conn bytes.Buffer
		data := bytes.Repeat([]byte("0123456789"), length/10+1)[:length]
		if err := wire.WriteChunk(&conn, wire.Stderr, data); err != nil {
			t.Fatal(err)
		}
		var got, buf []byte
		for conn.Len() > 0 {
			stream, part, err := wire.ReadChunk(&conn, buf)
			if err != nil || stream != wire.Stderr {
				t.Fatalf("stream %d, %v", stream, err)
			}
			got, buf = append(got, part...), part[:cap(part)]
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes came as %d", length, len(got))
		}
	}
}

func TestBrokenChunks(t *testing.T) {
	if _, _, err := wire.ReadChunk(strings.NewReader("\x01\xff\xff\xff\xff"), nil); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("too long: %v", err)
	}
	if _, _, err := wire.ReadChunk(strings.NewReader("\x01\x00\x00\x00\x05abc"), nil); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("cut: %v", err)
	}
	if _, _, err := wire.ReadChunk(strings.NewReader(""), nil); !errors.Is(err, io.EOF) {
		t.Errorf("between chunks: %v", err)
	}
}

// TestErrorsKeepTheirIdentity sends each sentinel through a response.
func TestErrorsKeepTheirIdentity(t *testing.T) {
	for _, sentinel := range []error{
		mctr.ErrNotFound, mctr.ErrExists, mctr.ErrInvalid, mctr.ErrUnsupported, mctr.ErrState, mctr.ErrDestroyed, mctr.ErrUnavailable,
		wire.ErrCommandNotFound, wire.ErrCommandInvoke,
	} {
		var conn bytes.Buffer
		if err := wire.Write(&conn, wire.Failed(fmt.Errorf("start c1: %w", sentinel))); err != nil {
			t.Fatal(err)
		}
		var answer wire.Response
		if err := wire.Read(&conn, &answer); err != nil {
			t.Fatal(err)
		}
		err := answer.Error.Err()
		if !errors.Is(err, sentinel) || err.Error() != "start c1: "+sentinel.Error() {
			t.Errorf("%v came as %v", sentinel, err)
		}
	}
	if err := wire.NewError(nil).Err(); err != nil {
		t.Errorf("no error came as %v", err)
	}
	if err := wire.NewError(errors.New("plain")).Err(); err == nil || err.Error() != "plain" {
		t.Errorf("a plain error came as %v", err)
	}
}

// TestAnErrorOfSeveralKinds sends errors that wrap two sentinels, in either order:
// the kind is always the same one, and both sentinels match on the other side.
func TestAnErrorOfSeveralKinds(t *testing.T) {
	sentinels := []error{
		wire.ErrCommandNotFound, wire.ErrCommandInvoke, mctr.ErrInvalid, mctr.ErrUnsupported, mctr.ErrNotFound,
		mctr.ErrExists, mctr.ErrState, mctr.ErrDestroyed, mctr.ErrUnavailable,
	}
	for i, first := range sentinels {
		want := wire.NewError(first).Kind
		for _, second := range sentinels[i+1:] {
			for range 20 { // a kind chosen at random is not always the same
				for _, err := range []error{fmt.Errorf("%w: %w", first, second), fmt.Errorf("%w: %w", second, first)} {
					sent := wire.NewError(err)
					if sent.Kind != want {
						t.Fatalf("%v: kind %q, want %q", err, sent.Kind, want)
					}
					if got := sent.Err(); !errors.Is(got, first) || !errors.Is(got, second) {
						t.Fatalf("%v came with %q and %q alone", err, sent.Kind, sent.Also)
					}
				}
			}
		}
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		theirs wire.Hello
		want   int // 0: none
	}{
		{wire.Hello{Protocol: wire.Version, Min: wire.Min}, wire.Version},
		{wire.Hello{Protocol: wire.Version + 3, Min: wire.Version}, wire.Version},
		{wire.Hello{Protocol: wire.Version + 3, Min: wire.Version + 1}, 0},
		{wire.Hello{Protocol: wire.Min - 1, Min: 0}, 0},
		{wire.Hello{}, 0},
	} {
		got, err := c.theirs.Agreed()
		if got != c.want || (c.want == 0) != errors.Is(err, wire.ErrProtocol) {
			t.Errorf("%+v: %d, %v; want %d", c.theirs, got, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\x00\x00\x00\x10{\"verb\":\"start\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r wire.Request
		if err := wire.Read(bytes.NewReader(data), &r); err == nil {
			if n := binary.BigEndian.Uint32(data); int(n)+4 > len(data) {
				t.Errorf("a frame of %d bytes out of %d", n, len(data))
			}
		}
	})
}

func FuzzReadChunk(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x03abc"), 0)
	f.Fuzz(func(t *testing.T, data []byte, room int) {
		stream, part, err := wire.ReadChunk(bytes.NewReader(data), make([]byte, max(0, min(room, 1<<16))))
		if err != nil {
			return
		}
		var back bytes.Buffer
		if err := wire.WriteChunk(&back, stream, part); err != nil || !bytes.HasPrefix(data, back.Bytes()) {
			t.Errorf("%q came back as %q, %v", data, back.Bytes(), err)
		}
	})
}
