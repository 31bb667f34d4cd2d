package flags

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestDuplicateKeys checks that a duplicate key in the file of a group is refused.
func TestDuplicateKeys(t *testing.T) {
	for text, want := range map[string]string{
		`{"root": {}, "tasks": {"a": {"image": "x"}, "b": {"image": "x"}}}`: "",
		`{"root": {}, "root": {}}`: `the key "root" at line 1, column 14 is also at line 1, column 2`,
		"{\"tasks\": {\n  \"a\": {\"image\": \"x\",\n    \"Image\": \"y\"}}}":                        `the key "Image" at line 3, column 5 is also at line 2, column 9`,
		`{"tasks": {"a": {"image": "x"}, "a": {"image": "y"}}}`:                                      `the key "a"`,
		`{"tasks": {"a": {"image": "x", "labels": {"k": "1", "K": "2"}}, "A": {"image": "y"}}}`:      "",
		`{"tasks": {"a": {"image": "x", "labels": {"k": "1", "k": "2"}}}}`:                           `the key "k"`,
		`{"tasks": {"a": {"image": "x", "mounts": [{"type": "tmpfs", "target": "/a", "type": 1}]}}}`: `the key "type"`,
		`{"tasks": {"a": {"image": "x"`:                                                              "unexpected EOF",
		`{"tasks": [1, }, 2]}`:                                                                       "invalid character",
		strings.Repeat(
			"[", 3<<20): "exceeded max depth",
		`{"tasks": [[[`: "unexpected EOF",
	} {
		_, err := decodeGroup(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.200s: %v; want %q", text, err, want)
		}
	}
}

// TestManyKeys checks that the time to read a file is linear in its size.
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"tasks": {"a": {"image": "x", "labels": {`)
	for i := range 200_000 {
		fmt.Fprintf(&b, "\n\"k%d\": \"\",", i)
	}
	b.WriteString(`"last": ""}}}}`)
	if _, err := decodeGroup(strings.NewReader(b.String())); err != nil {
		t.Error(err)
	}
}

// FuzzGroup checks that no file makes the reader panic.
func FuzzGroup(f *testing.F) {
	f.Add([]byte(`{"root": {}, "tasks": {"a": {"image": "x", "labels": {"k": "1"}}}}`))
	f.Add([]byte(`[{"a":[{"b":{`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decodeGroup(bytes.NewReader(data)) })
}
