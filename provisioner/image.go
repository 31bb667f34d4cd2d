package provisioner

import (
	"fmt"
	"os"
	"regexp"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
)

// An Image describes one image. Its Layers are unpacked in the store.
type Image = store.Image

// imageID matches an image id or the start of one.
var imageID = regexp.MustCompile(`^(sha256:)?[0-9a-f]{4,64}$`)

// IsUnnamed returns true if the store has img by its id alone: it was loaded from an
// archive that gave it no name.
func IsUnnamed(img *Image) bool { return img.Reference == string(img.ID) }

// local finds an image of the store by reference or by the start of its id. The
// parsed reference is of kind "" if s can only be an id.
func (p *Provisioner) local(s string) (puller.Reference, *Image, error) {
	r, err := puller.Parse(s)
	if err != nil && !imageID.MatchString(s) {
		return r, nil, err
	}
	if err == nil {
		if img, err := p.store.Image(r.String()); err == nil {
			return r, img, nil
		}
	}
	if imageID.MatchString(s) {
		img, err := p.store.ByID(s)
		return r, img, err
	}
	return r, nil, fmt.Errorf("%w: image %s", mctr.ErrNotFound, r)
}

// rootfs makes an image of a plain directory. Such an image is not in the store.
func rootfs(r puller.Reference) (*Image, error) {
	info, err := os.Stat(r.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: image %s: %w", mctr.ErrNotFound, r, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: image %s is not a directory", mctr.ErrInvalid, r)
	}
	return &Image{Reference: r.String(), Platform: manifest.Host(), Created: info.ModTime(), Rootfs: r.Path}, nil
}

// matchesPlatform returns true if img, which is in the store, is for the platform that
// the caller asked for; an empty platform matches every image.
func matchesPlatform(img *Image, platform string) bool {
	if platform == "" {
		return true
	}
	want, err := manifest.ParsePlatform(platform)
	return err == nil && manifest.Matches(want, img.Platform) > 0
}

// checkPlatform returns an error if the image's config names another platform than
// the one that the caller asked for.
func checkPlatform(c *manifest.Config, platform string, want v1.Platform) error {
	if platform == "" || c.OS == "" || manifest.Matches(want, c.Platform) > 0 {
		return nil
	}
	return fmt.Errorf("%w: the image is for %s, not for %s", mctr.ErrNotFound, manifest.Format(c.Platform), platform)
}
