package server

import (
	"cmp"
	"fmt"
	"io"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/provisioner"
)

// maxArchiveName bounds what an archive is called in errors, in bytes.
const maxArchiveName = 4096

// loadImages brings the images of the archive that the call brings into the store,
// and tells how it goes. One that is cut off brings none.
func loadImages(x *exchange, in api.Load, out *output) error {
	if len(in.Name) > maxArchiveName {
		return fmt.Errorf("%w: the archive's name has more than %d bytes", mctr.ErrInvalid, maxArchiveName)
	}
	return x.archive(func(r io.Reader) error {
		loaded, err := x.Images.Load(x.r.Context(), r, cmp.Or(in.Name, api.FormArchive),
			provisioner.LoadOptions{Platform: in.Platform, Progress: out.progress})
		for _, image := range loaded {
			if err := out.send(api.StreamMessage{Image: image}); err != nil {
				return err
			}
		}
		return err
	})
}
