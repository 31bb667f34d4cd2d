package server

import (
	"fmt"
	"io"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// saveImages writes images of the store to one archive.
func saveImages(x *exchange, in api.Save, w io.Writer) error {
	if len(in.References) == 0 {
		return fmt.Errorf("%w: no image to be saved", mctr.ErrInvalid)
	}
	for _, ref := range in.References {
		if err := checkHostImage(ref); err != nil {
			return err
		}
	}
	return x.Images.Save(x.r.Context(), in.References, w, in.Format)
}
