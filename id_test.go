package mctr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

func TestIDValidate(t *testing.T) {
	long := strings.Repeat("a", 242)
	for _, good := range []string{"a", "0", "A-b_c", "root.child", "a.b.c", long} {
		if err := mctr.ContainerID(good).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a.", ".a", "a..b", "-a", "_a", "a/b", "../a", "a b", "a\x00", "ä",
		"a.-b", long + "a"} {
		if err := mctr.ContainerID(bad).Validate(); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", bad, err)
		}
	}
}

func TestIDFamily(t *testing.T) {
	for _, c := range []struct{ id, parent, root mctr.ContainerID }{
		{"a", "", "a"}, {"a.b", "a", "a"}, {"a.b.c", "a.b", "a"},
	} {
		if c.id.Parent() != c.parent || c.id.Root() != c.root {
			t.Errorf("%s: parent %q, root %q", c.id, c.id.Parent(), c.id.Root())
		}
	}
}

func TestIDNames(t *testing.T) {
	if id := mctr.NewID(); len(id) != 64 || id.Validate() != nil || id == mctr.NewID() || len(id.Short()) != 12 {
		t.Errorf("NewID: %q", id)
	}
	if s := mctr.ContainerID("abc").Short(); s != "abc" {
		t.Errorf("Short: %q", s)
	}
	if h := mctr.ContainerID("abc").Hash(); h != "ba7816bf8f01cfea" { // the beginning of FIPS 180-2's first example
		t.Errorf("Hash: %q", h)
	}
}

func TestValidateName(t *testing.T) {
	for _, good := range []string{"ab", "web-1", "a.b_c", "9lives", "a--", strings.Repeat("x", 128)} {
		if err := mctr.ValidateName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a", "-ab", ".ab", "_ab", "a/b", "a b", "ab\n", "..", strings.Repeat("x", 129)} {
		if err := mctr.ValidateName(bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", bad, err)
		}
	}
}

// FuzzID wants whatever is valid to be a file name and no more.
func FuzzID(f *testing.F) {
	for _, seed := range []string{"a", "a.b", "..", "a/b", "", "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id := mctr.ContainerID(s)
		if id.Validate() != nil {
			return
		}
		if strings.ContainsAny(s, "/\x00 \n") || s == "." || s == ".." || s == "" || len(s) > 255 {
			t.Errorf("%q is valid, and no safe file name", s)
		}
		for p := id; p != ""; p = p.Parent() {
			if p.Validate() != nil || p.Root() != id.Root() {
				t.Errorf("%q: ancestor %q", s, p)
			}
		}
	})
}
