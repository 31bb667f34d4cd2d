package puller

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	cases := []struct{ in, want, host, repository, id string }{
		{"busybox", "docker.io/library/busybox:latest", "docker.io", "library/busybox", "latest"},
		{"busybox:1.36", "docker.io/library/busybox:1.36", "docker.io", "library/busybox", "1.36"},
		{"team/app", "docker.io/team/app:latest", "docker.io", "team/app", "latest"},
		{"docker://ghcr.io/a/b:c", "ghcr.io/a/b:c", "ghcr.io", "a/b", "c"},
		{"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000", "x", "latest"},
		{"x@" + someDigest, "docker.io/library/x@" + someDigest, "docker.io", "library/x", someDigest},
		{"x:tag@" + someDigest, "docker.io/library/x@" + someDigest, "docker.io", "library/x", someDigest},
		{"oci:5000/image", "oci:5000/image:latest", "oci:5000", "image", "latest"},
		{"oci:/a/../b", "oci:/b", "", "", ""},
		{"oci:/a:v1", "oci:/a:v1", "", "", ""},
		{"oci-archive:/a.tar:v1", "oci-archive:/a.tar:v1", "", "", ""},
		{"docker-archive:/a.tar:busybox", "docker-archive:/a.tar:docker.io/library/busybox:latest", "", "", ""},
		{"rootfs:/a:b", "rootfs:/a:b", "", "", ""},
	}
	for _, c := range cases {
		r, err := Parse(c.in)
		if err != nil || r.String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.in, r, err, c.want)
			continue
		}
		if r.Kind == Registry && (r.Host() != c.host || r.Repository() != c.repository || r.Identifier() != c.id) {
			t.Errorf("%s: %s %s %s", c.in, r.Host(), r.Repository(), r.Identifier())
		}
	}
	for _, bad := range []string{"", "UPPER", "a b", "a@sha256:12", ":", "oci:", "oci::v1", "x\ny",
		strings.Repeat("a", 9000), "docker-archive:/a:B@D"} {
		if r, err := Parse(bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%.20q: %v, %v; want ErrInvalid", bad, r, err)
		}
	}
}

func TestBare(t *testing.T) {
	for s, want := range map[string]bool{
		"busybox": true, "docker://host.test:5000/a/b": true, "busybox:latest": false, "host.test:5000/a:1": false,
		"x@" + someDigest: false, "x:tag@" + someDigest: false, "oci:/a": false, "rootfs:/a": false,
	} {
		if r, err := Parse(s); err != nil || r.Bare != want {
			t.Errorf("%s: bare is %t, %v", s, r.Bare, err)
		}
	}
}

// FuzzParse: a valid reference has a normal form that parses to itself.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"busybox", "oci:/a:v1", "docker-archive:/a:b:c", "rootfs:x", "docker://x@" + someDigest,
		"oci:5000/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again.String() != r.String() || again.Kind != r.Kind {
			t.Errorf("%q -> %q -> %q, %v", s, r, again, err)
		}
	})
}
