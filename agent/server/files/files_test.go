package files

import (
	"strings"
	"testing"
)

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		want     string
	}{{0, 5, "01234"}, {2, 4, "23"}, {3, 9, "345678"}, {8, 100, "89"}, {10, 20, ""}, {50, 60, ""}, {-1, 0, ""},
		{5, 5, ""}} {
		w := window{from: c.from, to: c.to}
		for _, part := range []string{"012", "", "3456", "789"} {
			w.write([]byte(part))
		}
		if string(w.data) != c.want || w.at != 10 {
			t.Errorf("%d to %d: %q of %d", c.from, c.to, w.data, w.at)
		}
	}
}

// FuzzParse checks that an accepted path is in its only form.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"/containers", "/containers/a.b/sandbox/x/y", "/containers/a/sandbox/../x",
		"//containers", "/containers/a/rw", ""} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := parse(path)
		if err != nil {
			return
		}
		if strings.HasPrefix(p.rest, "/") || strings.Contains("/"+p.rest+"/", "/../") || p.rest != "" && !p.in ||
			p.id == "" && p.in {
			t.Errorf("%q: %+v", path, p)
		}
		if p.id != "" && p.id.Validate() != nil {
			t.Errorf("%q: id %q", path, p.id)
		}
		if again, err := parse(p.path("")); err != nil || again != p {
			t.Errorf("%q is %q, which is %+v, %v", path, p.path(""), again, err)
		}
	})
}
