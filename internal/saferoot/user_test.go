package saferoot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
)

func root(t testing.TB, passwd, group string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// passwd has entries with invalid ids, each of which a careless parser would take for root's, and
// one entry with the largest valid id of each kind.
const passwd = `root:x:0:0:root:/root:/bin/sh
bob:x:1000:1000::/home/bob:/bin/sh
large:x:4294967294:4294967294::/home/large:/bin/sh
over:x:4294967296:5::/:/bin/sh
under:x:-4294967296:5::/:/bin/sh
huge:x:99999999999999999999:5::/:/bin/sh
unchanged:x:4294967295:5::/:/bin/sh
text:x:bob:5::/:/bin/sh
empty:x::5::/:/bin/sh
short:x
spaced:x: 0:5::/:/bin/sh
overgroup:x:7:4294967296::/:/bin/sh
`

const group = `root:x:0:
staff:x:50:bob
wheel:x:10:bob,root
again:x:50:bob
over:x:4294967296:bob
minus:x:-1:bob
text:x:wheel:bob
`

func TestLookupUser(t *testing.T) {
	dir := root(t, passwd, group)
	for _, c := range []struct {
		spec   string
		added  []string
		uid    uint32
		groups []uint32
		home   string
	}{
		{"", nil, 0, []uint32{0, 10}, "/root"},
		{"bob", nil, 1000, []uint32{1000, 50, 10}, "/home/bob"},
		{"1000", nil, 1000, []uint32{1000, 50, 10}, "/home/bob"},
		{"bob:wheel", nil, 1000, []uint32{10}, "/home/bob"},
		{"bob:7", nil, 1000, []uint32{7}, "/home/bob"},
		{"bob", []string{"staff", "99", "7"}, 1000, []uint32{1000, 50, 10, 7, 99}, "/home/bob"},
		{"large", nil, 4294967294, []uint32{4294967294}, "/home/large"},
		{"5:6", nil, 5, []uint32{6}, "/"},
	} {
		u, err := saferoot.LookupUser(dir, c.spec, c.added)
		if err != nil {
			t.Errorf("%q: %v", c.spec, err)
			continue
		}
		s := u.Spec()
		if s.UID != c.uid || !slices.Equal(s.AdditionalGids, c.groups) || s.GID != c.groups[0] || u.Home != c.home {
			t.Errorf("%q + %q: got %+v, want %d, %d, %s", c.spec, c.added, u, c.uid, c.groups, c.home)
		}
	}
	for _, spec := range []string{
		"over", "under", "huge", "unchanged", "text", "empty", "short", "spaced", "overgroup", "nobody",
		"4294967296", "-4294967296", "-1", "bob:over", "bob:minus", "bob:text", "bob:4294967296", "bob:-1",
	} {
		if u, err := saferoot.LookupUser(dir, spec, nil); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: got %+v, %v", spec, u, err)
		}
	}
	for _, added := range []string{"over", "minus", "text", "4294967296", "-1"} {
		if u, err := saferoot.LookupUser(dir, "bob", []string{added}); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("--group-add %q: got %+v, %v", added, u, err)
		}
	}
}

// TestManyGroups: the time to read a large /etc/group is proportional to its lines, and more groups
// than the kernel allows are refused by name.
func TestManyGroups(t *testing.T) {
	groups := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "g%d:x:%d:bob\n", i, i+1)
		}
		return b.String()
	}
	if u, err := saferoot.LookupUser(root(t, passwd, groups(65_535)), "bob", nil); err != nil ||
		len(u.Groups) != 65_535 {
		t.Fatalf("%d groups, %v", len(u.Groups), err)
	}
	start := time.Now()
	_, err := saferoot.LookupUser(root(t, passwd, groups(190_000)), "bob", nil)
	if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "65536") {
		t.Errorf("190,000 groups: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second { // about 100 ms; earlier builds took quadratic time
		t.Errorf("190,000 groups took %v", took)
	}
}

func FuzzLookupUser(f *testing.F) {
	f.Add(passwd, group, "bob")
	f.Add("a:x:1:2\n", "b:x:3:a\n", "a:b")
	f.Add("::::", ":::", ":")
	f.Fuzz(func(t *testing.T, passwd, group, spec string) {
		u, err := saferoot.LookupUser(root(t, passwd, group), spec, nil)
		if err != nil {
			return
		}
		if len(u.Groups) == 0 || u.Groups[0] != u.GID {
			t.Errorf("the primary group %d is not among %d", u.GID, u.Groups)
		}
		// Only an entry with the id of root may yield root.
		name, _, _ := strings.Cut(spec, ":")
		if u.UID == 0 && name != "" && strings.Trim(name, "0+-") != "" && !strings.Contains(passwd, ":0") {
			t.Errorf("%q became root by %q", spec, passwd)
		}
	})
}
