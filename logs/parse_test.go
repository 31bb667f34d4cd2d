package logs

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCRIForm(t *testing.T) {
	e := &criEncoder{}
	e.begin(time.Date(2026, 11, 21, 9, 0, 0, 50, time.FixedZone("", 3600)), Stderr)
	got := string(e.appendLine(e.appendLine(nil, piece{text: []byte("a b")}), piece{[]byte("c"), true}))
	want := "2026-11-21T08:00:00.000000050Z stderr F a b\n2026-11-21T08:00:00.000000050Z stderr P c\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONForm(t *testing.T) {
	e := &jsonEncoder{}
	e.begin(time.Date(2026, 11, 21, 8, 0, 0, 50, time.UTC), Stdout)
	for text, want := range map[string]string{
		"a \"b\"\\\t\r\x01": `{"log":"a \"b\"\\\t\r\u0001\n","stream":"stdout","time":"2026-11-21T08:00:00.000000050Z"}`,
		"éx\xff":            `{"log":"éx\ufffd\n","stream":"stdout","time":"2026-11-21T08:00:00.000000050Z","bytes":"w6l4/w=="}`,
	} {
		if got := string(e.appendLine(nil, piece{text: []byte(text)})); got != want+"\n" {
			t.Errorf("got %s want %s", got, want)
		}
	}
}

func TestParseCRI(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 0, 0, 5e8, time.UTC)
	for line, want := range map[string]Entry{
		"2026-11-21T08:00:00.5Z stdout F ": {Time: at, Stream: Stdout, Text: []byte{}},
		"2026-11-21T08:00:00.5Z stderr P:x  two  blanks": {Time: at, Stream: Stderr, Text: []byte(" two  blanks"),
			Partial: true},
		"2026-11-21T08:00:00.5Z stdout F":   {},
		"2026-11-21T08:00:00.5Z stdin F x":  {},
		"2026-11-21T08:00:00.5Z stdout X x": {},
		"yesterday stdout F x":              {},
		"":                                  {},
	} {
		got, err := parseCRI([]byte(line))
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want.Stream != 0) {
			t.Errorf("%q: error %v, differs:\n%s", line, err, diff)
		}
	}
}

func TestParseJSON(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 0, 0, 5e8, time.UTC)
	for line, want := range map[string]Entry{
		`{"log":"a\u003c\n","stream":"stdout","attrs":{"x":"y"},"time":"2026-11-21T08:00:00.5Z"}`: {Time: at,
			Stream: Stdout, Text: []byte("a<")},
		`{"log":"a","stream":"stderr","time":"2026-11-21T08:00:00.5Z"}`: {Time: at, Stream: Stderr, Text: []byte("a"),
			Partial: true},
		`{"stream":"stderr","time":"2026-11-21T08:00:00.5Z"}`:      {},
		`{"log":"a","stream":"x","time":"2026-11-21T08:00:00.5Z"}`: {},
		`{"log":"a","stream":"stdout","time":"2026-11-2`:           {},
	} {
		got, err := parseJSON([]byte(line))
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want.Stream != 0) {
			t.Errorf("%q: error %v, differs:\n%s", line, err, diff)
		}
	}
}

func FuzzParseCRI(f *testing.F) {
	f.Add([]byte("2026-11-21T08:00:00.5Z stderr P:x text"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseCRI(line)
		if err == nil && (!bytes.HasSuffix(line, e.Text) || e.Stream == 0) {
			t.Errorf("%q gave %+v", line, e)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"2026-11-21T08:00:00.5Z","bytes":"YQ=="}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if e, err := parseJSON(line); err == nil && (!json.Valid(line) || e.Stream == 0) {
			t.Errorf("%q gave %+v", line, e)
		}
	})
}

// FuzzEncode checks that any output of a task can be read back, byte for byte, and that the log
// consists of lines and, in json-file, of JSON.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("text\nmore \xff \x00 \"quotes\"\r\n\npart"))
	f.Add(append(bytes.Repeat([]byte("é"), maxText), '\n'))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, driver := range []string{DriverCRI, DriverJSONFile} {
			var got []byte
			enc, parse := newEncoder(driver), newParser(driver)
			enc.begin(time.Unix(1, 2), Stdout)
			for rest := data; len(rest) > 0; {
				p, n := split(rest)
				if n == 0 {
					p, n = piece{rest, true}, len(rest)
				}
				line := enc.appendLine(nil, p)
				if len(line) > enc.worst(len(p.text)) || bytes.IndexByte(line, '\n') != len(line)-1 {
					t.Fatalf("%s: line %q of %d bytes", driver, line, len(line))
				}
				e, err := parse(line[:len(line)-1])
				if err != nil || !e.Time.Equal(time.Unix(1, 2)) || e.Stream != Stdout || e.size() != int64(n) {
					t.Fatalf("%s: %q: %+v, %v", driver, line, e, err)
				}
				if got = append(got, e.Text...); !e.Partial {
					got = append(got, '\n')
				}
				rest = rest[n:]
			}
			if !bytes.Equal(got, data) {
				t.Errorf("%s: got %q, want %q", driver, got, data)
			}
		}
	})
}
