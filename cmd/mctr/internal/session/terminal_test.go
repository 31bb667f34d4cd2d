package session

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

func TestDetachKeys(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  []byte
		wrong string
	}{
		{"", nil, ""}, {DefaultDetachKeys, []byte{16, 17}, ""}, {"a,B,1", []byte("aB1"), ""}, {"ctrl-@", []byte{0}, ""},
		{"ctrl-[,ctrl-_", []byte{27, 31}, ""}, {"ctrl-1", nil, "ctrl-1"}, {"ctrl-", nil, "neither"},
		{"abc", nil, "abc"}, {"a,,b", nil, "neither"},
	} {
		got, err := ParseDetachKeys(c.text)
		if c.wrong != "" && (!errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), c.wrong)) ||
			c.wrong == "" && (err != nil || !bytes.Equal(got, c.want)) {
			t.Errorf("%s: %q, %v; want %q, %q", c.text, got, err, c.want, c.wrong)
		}
	}
}

func TestDetachReader(t *testing.T) {
	keys := []byte{16, 17}
	for typed, want := range map[string]struct {
		passed   string
		detached bool
	}{
		"plain":        {"plain", false},
		"a\x10\x11b":   {"a", true},
		"\x10a\x11":    {"\x10a\x11", false},
		"\x10\x10\x11": {"\x10", true},
		"\x11\x10":     {"\x11", false}, // the reader waits for the next key
	} {
		for _, step := range []int{1, 2, 100} {
			detached := false
			r := &detachReader{r: &stepReader{strings.NewReader(typed), step}, keys: keys, detach: func() {
				detached = true
			}}
			passed, _ := io.ReadAll(r)
			if string(passed) != want.passed || detached != want.detached {
				t.Errorf("%q by %d: passed %q, detached %v", typed, step, passed, detached)
			}
		}
	}
}

// A stepReader returns at most step bytes per read.
type stepReader struct {
	r    io.Reader
	step int
}

func (s *stepReader) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.step)]) }
