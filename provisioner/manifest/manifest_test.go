package manifest

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
)

func TestIsIndex(t *testing.T) {
	cases := []struct {
		mediaType, text string
		index           bool
		err             error
	}{
		{"", `{"manifests":[]}`, true, nil},
		{v1.MediaTypeImageIndex, `{"manifests":[]}`, true, nil},
		{"", `{"config":{},"layers":[]}`, false, nil},
		{DockerManifest, `{"mediaType":"` + DockerManifest + `","config":{}}`, false, nil},
		{"", `{"config":{},"manifests":[]}`, false, mctr.ErrInvalid},
		{"", `{}`, false, mctr.ErrInvalid},
		{"", `[`, false, mctr.ErrInvalid},
		{v1.MediaTypeImageManifest, `{"manifests":[]}`, false, mctr.ErrInvalid},
		{"", `{"mediaType":"` + DockerIndex + `","config":{}}`, false, mctr.ErrInvalid},
		{"", `{"schemaVersion":1,"fsLayers":[]}`, false, mctr.ErrUnsupported},
	}
	for _, c := range cases {
		index, err := IsIndex(c.mediaType, []byte(c.text))
		if index != c.index || !errors.Is(err, c.err) {
			t.Errorf("%s %s: %v, %v; want %v, %v", c.mediaType, c.text, index, err, c.index, c.err)
		}
	}
}

func TestMatches(t *testing.T) {
	cases := []struct {
		want, have string
		ok         bool
	}{
		{"linux/amd64", "linux/amd64", true}, {"linux/x86_64", "linux/amd64/v1", true},
		{"linux/amd64", "linux/amd64/v3", false},
		{"linux/arm64", "linux/arm64/v8", true}, {"linux/aarch64", "linux/arm64", true},
		{"linux/arm", "linux/arm/v6", true},
		{"linux/arm/v6", "linux/arm/v7", false}, {"linux/arm/v7", "linux/arm/v5", true},
		{"linux/arm/v8", "linux/arm/v7", true},
		{"linux/amd64", "windows/amd64", false}, {"linux/amd64", "linux/386", false},
	}
	for _, c := range cases {
		want, err1 := ParsePlatform(c.want)
		f := strings.SplitN(c.have+"/", "/", 4)
		have := v1.Platform{OS: f[0], Architecture: f[1], Variant: strings.TrimSuffix(f[2], "/")}
		if got := Matches(want, have) > 0; got != c.ok || err1 != nil {
			t.Errorf("%s on %s: %v, %v", c.have, c.want, got, err1)
		}
	}
}

func TestChooseBest(t *testing.T) {
	entry := func(variant string) v1.Descriptor {
		return v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm", Variant: variant},
			Digest: digest.FromString(variant)}
	}
	index := &v1.Index{Manifests: []v1.Descriptor{entry("v5"), entry("v7"), entry("v6")}}
	for asked, want := range map[string]string{"linux/arm": "v7", "linux/arm/v6": "v6", "linux/arm/v5": "v5"} {
		p, err := ParsePlatform(asked)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := Choose(index, p); err != nil || d.Digest != digest.FromString(want) {
			t.Errorf("%s: %+v, %v", asked, d.Platform, err)
		}
	}
}

// TestChainIDs uses the example of image-spec: each id covers all layers beneath.
func TestChainIDs(t *testing.T) {
	a, b := digest.FromString("a"), digest.FromString("b")
	got := ChainIDs([]digest.Digest{a, b})
	if got[0] != a || got[1] != digest.FromString(a.String()+" "+b.String()) {
		t.Error(got)
	}
}

func TestHealthcheck(t *testing.T) {
	c, err := ParseConfig(
		[]byte(`{"rootfs":{"type":"layers","diff_ids":[]},"config":{"User":"u","Healthcheck":{"Test":["CMD","true"],"Interval":5000000000,"Retries":2}}}`), 0, Limits{})
	if err != nil || c.Config.User != "u" || c.Healthcheck.Retries != 2 || c.Healthcheck.Interval.Seconds() != 5 {
		t.Errorf("%+v, %v", c, err)
	}
}

// FuzzDocuments: an accepted document has the properties that the other packages rely on.
func FuzzDocuments(f *testing.F) {
	d := `{"mediaType":"` + v1.MediaTypeImageConfig + `","digest":"` + digest.FromString("x").String() + `","size":1}`
	f.Add([]byte(`{"schemaVersion":2,"config":` + d + `,"layers":[` + d + `]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[` + d + `]}`))
	f.Add([]byte(`{"rootfs":{"type":"layers","diff_ids":["` + digest.FromString("x").String() + `"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Parse(data, Limits{}); err == nil {
			promised(t, append(m.Layers, m.Config))
		}
		if i, err := ParseIndex(data, Limits{}); err == nil {
			promised(t, i.Manifests)
			_, _ = Choose(i, Host())
		}
		if c, err := ParseConfig(data, 1, Limits{}); err == nil && len(c.RootFS.DiffIDs) != 1 {
			t.Error("wrong number of diffIDs")
		}
		_, _ = IsIndex("", data)
	})
}

func promised(t *testing.T, all []v1.Descriptor) {
	for _, d := range all {
		if d.Size < 0 || d.Digest.Validate() != nil || strings.ContainsAny(d.Digest.Encoded(), "/.") {
			t.Errorf("descriptor %+v", d)
		}
	}
}
