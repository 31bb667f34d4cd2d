package saferoot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManyGroups: irrelevant lines cost almost nothing, and the result is the same as with a small
// file.
func TestManyGroups(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	var group, passwd strings.Builder
	for n := range 190000 {
		fmt.Fprintf(&group, "g%d:x:%d:a,b\n", n, 1000+n)
	}
	group.WriteString("# staff:x:7:bob\nstaff:x:50:al,bob\nwheel:x:10:bob\nbobs:x:70:bobby\nmany:x:99999999999:bob\n")
	for n := range 90000 {
		fmt.Fprintf(&passwd, "u%d:x:%d:%d::/h:/bin/sh\n", n, 1000+n, 1000+n)
	}
	passwd.WriteString("bob:x:500:501::/home/bob:/bin/sh\n")
	for name, text := range map[string]string{"group": group.String(), "passwd": passwd.String()} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for spec, want := range map[string]User{
		"bob":          {500, 501, []uint32{501, 50, 10, 1005}, "/home/bob"},
		"500":          {500, 501, []uint32{501, 50, 10, 1005}, "/home/bob"},
		"bob:staff":    {500, 50, []uint32{50, 1005}, "/home/bob"},
		"500:10":       {500, 10, []uint32{10, 1005}, "/home/bob"},
		"u7":           {1007, 1007, []uint32{1007, 1005}, "/h"},
		"4000000:g100": {4000000, 1100, []uint32{1100, 1005}, "/"},
		"":             {0, 0, []uint32{0, 1005}, "/"},
	} {
		got, err := LookupUser(root, spec, []string{"g5"})
		if err != nil || got.UID != want.UID || got.GID != want.GID || got.Home != want.Home ||
			!slices.Equal(got.Groups, want.Groups) {
			t.Errorf("%q: %+v, %v; want %+v", spec, got, err, want)
		}
	}
	if n := testing.AllocsPerRun(3, func() { _, _ = LookupUser(root, "bob", nil) }); n > 1000 {
		t.Errorf("%v allocations for three lines that matter", n)
	}
}
