package manifest

import (
	"fmt"
	"runtime"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
)

// Host returns the platform of this program.
func Host() v1.Platform {
	return normal(v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH})
}

// ParsePlatform parses os/arch[/variant]; "" is the platform of the host.
func ParsePlatform(s string) (v1.Platform, error) {
	if s == "" {
		return Host(), nil
	}
	f := strings.Split(s, "/")
	if len(f) < 2 || len(f) > 3 || f[0] == "" || f[1] == "" {
		return v1.Platform{}, fmt.Errorf("%w: platform %.80q: want os/arch[/variant] as in linux/arm64",
			mctr.ErrInvalid, s)
	}
	p := v1.Platform{OS: f[0], Architecture: f[1]}
	if len(f) == 3 {
		p.Variant = f[2]
	}
	return normal(p), nil
}

// Format returns a platform in the form that ParsePlatform parses.
func Format(p v1.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// normal returns the platform with the common name of its architecture and variant.
func normal(p v1.Platform) v1.Platform {
	p.OS, p.Architecture, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	}
	switch p.Architecture + "/" + p.Variant {
	case "amd64/v1", "arm64/v8", "arm64/8":
		p.Variant = ""
	case "arm/":
		p.Variant = "v7"
	}
	return p
}

// Matches rates an image of platform have for the wanted platform: the same platform, or an older
// variant of 32-bit ARM. A higher result is a better match; zero is no match.
func Matches(want, have v1.Platform) int {
	want, have = normal(want), normal(have)
	switch {
	case want.OS != have.OS || want.Architecture != have.Architecture:
		return 0
	case want.Variant == have.Variant:
		return 10
	case want.Architecture == "arm" && have.Variant >= "v5" && have.Variant < want.Variant:
		return int(have.Variant[1] - '0')
	}
	return 0
}

// Choose returns the entry of an index that matches p best, the first among equals. An entry
// without a platform matches if it is the only image.
func Choose(index *v1.Index, p v1.Platform) (v1.Descriptor, error) {
	best, score := v1.Descriptor{}, 0
	var names []string
	for _, d := range index.Manifests {
		if d.Platform == nil {
			if len(index.Manifests) == 1 || isIndexType(d.MediaType) && score == 0 {
				best, score = d, 1
			}
			continue
		}
		if m := Matches(p, *d.Platform); m > score {
			best, score = d, m
		}
		names = append(names, Format(*d.Platform))
	}
	if score == 0 {
		return best, fmt.Errorf("%w: no image for platform %s: the index has %.300q", mctr.ErrNotFound, Format(p),
			names)
	}
	return best, nil
}
