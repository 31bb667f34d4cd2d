package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

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

// TestChunks sends data of a length that needs no chunk, one chunk, or several.
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
	if _, _, err := wire.ReadChunk(strings.NewReader("\x01\x00\x00\x00\x05abc"),
		nil); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("cut: %v", err)
	}
	if _, _, err := wire.ReadChunk(strings.NewReader(""), nil); !errors.Is(err, io.EOF) {
		t.Errorf("between chunks: %v", err)
	}
}

// TestErrorsKeepTheirIdentity sends each sentinel through a response.
func TestErrorsKeepTheirIdentity(t *testing.T) {
	for _, sentinel := range []error{
		mctr.ErrNotFound, mctr.ErrExists, mctr.ErrInvalid, mctr.ErrUnsupported, mctr.ErrState, mctr.ErrDestroyed,
		mctr.ErrUnavailable, mctr.ErrCommandNotFound, mctr.ErrCommandInvoke,
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

// TestAnErrorOfSeveralKinds sends errors that wrap two sentinels, in either order. The kind must
// not depend on the order, and both sentinels must match on the other side.
func TestAnErrorOfSeveralKinds(t *testing.T) {
	sentinels := []error{
		mctr.ErrCommandNotFound, mctr.ErrCommandInvoke, mctr.ErrInvalid, mctr.ErrUnsupported, mctr.ErrNotFound,
		mctr.ErrExists, mctr.ErrState, mctr.ErrDestroyed, mctr.ErrUnavailable,
	}
	for i, first := range sentinels {
		want := wire.NewError(first).Kind
		for _, second := range sentinels[i+1:] {
			for range 20 { // a random choice would differ at some point
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

// TestLacks compares requests with the hellos of other builds.
func TestLacks(t *testing.T) {
	without := func(names ...string) (known []string) {
		for _, name := range wire.Understood() {
			if !slices.Contains(names, name) {
				known = append(known, name)
			}
		}
		return known
	}
	hold := wire.Request{Verb: wire.VerbCreate, Create: &wire.Create{ReservePorts: []mctr.Port{{HostPort: 80}}}}
	ends := wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: 15, Ends: true}}
	process := specs.Process{Args: []string{"true"}, User: specs.User{UID: 1}}
	for _, c := range []struct {
		understands []string
		request     wire.Request
		want        string
	}{
		{wire.Understood(), hold, ""},
		{append([]string{"dance"}, wire.Understood()...), hold, ""}, // a newer build
		{without("create.hold"), hold, "create.hold (config.ports)"},
		{without("create.hold.host_port"), hold, "create.hold.host_port"},
		{without("create.hold"), wire.Request{Verb: wire.VerbCreate, Create: &wire.Create{}}, ""},
		{without("pause"), wire.Request{Verb: wire.VerbPause}, "pause"},
		{without("exec.process.user.umask"), wire.Request{Verb: wire.VerbExec, Exec: &wire.Exec{Process: process}}, ""},
		{nil, hold, "create"}, // a build that does not report
		{nil, ends, "signal.ends"},
		{nil, wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: 15, All: true}}, ""},
		{nil, wire.Request{Verb: wire.VerbDestroy, Destroy: &wire.Destroy{Why: mctr.Limitation{Message: "enough"}}},
			""},
		{nil, wire.Request{Verb: wire.VerbExec, Exec: &wire.Exec{Process: process, Stdin: true}}, ""},
		{nil, wire.Request{Verb: wire.VerbExec, Exec: &wire.Exec{Whole: true}}, "exec.whole (a session of an agent's)"},
	} {
		got, err := wire.Hello{Understands: c.understands}.Lacks(c.request)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%+v: got %q, %v; want %q", c.request, got, err, c.want)
		}
	}
}

// TestEarly wants this build to understand what the shims without a report understand, because they
// run as long as their containers.
func TestEarly(t *testing.T) {
	for _, name := range wire.Early {
		if !slices.Contains(wire.Understood(), name) {
			t.Errorf("%s is gone", name)
		}
	}
	if len(wire.Early) != 25 {
		t.Errorf("%d names: no shim of before has learned since", len(wire.Early))
	}
}

// TestReadRequest wants unknown parts to be refused by name, and the next request to be read.
func TestReadRequest(t *testing.T) {
	for sent, want := range map[string]string{
		`{"verb":"start"}`: "",
		`{"verb":"dance"}`: "verb dance",
		`{"verb":"create","create":{"id":"a","gravity":1,"log":{"colour":"red"}},"music":{}}`: "create.gravity, create.log.colour, music",
		`{"verb":"update","update":{"memory":{"limit":1,"leak":2}}}`:                          "update.memory.leak",
	} {
		var conn bytes.Buffer
		for _, r := range []any{json.RawMessage(sent), wire.Request{Verb: wire.VerbPause}} {
			if err := wire.Write(&conn, r); err != nil {
				t.Fatal(err)
			}
		}
		_, err := wire.ReadRequest(&conn)
		if want == "" && err != nil ||
			want != "" && (!errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), want+" is not")) {
			t.Errorf("%s: %v, want %q", sent, err, want)
		}
		if next, err := wire.ReadRequest(&conn); err != nil || next.Verb != wire.VerbPause {
			t.Errorf("%s: the next is %+v, %v", sent, next, err)
		}
	}
	if _, err := wire.ReadRequest(strings.NewReader("\x00\x00\x00\x02{]")); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("no JSON: %v", err)
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
