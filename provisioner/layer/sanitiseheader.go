package layer

import (
	"archive/tar"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

const (
	paxXattr = "SCHILY.xattr."
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// skipped lists attributes that are meaningful only on the host that made the image: labels of its
// security module, access lists of its file server, owners of its rootless containers.
var skipped = []string{"security.selinux", "system.nfs4_acl", "user.rootlesscontainers"}

// sanitise makes a header's names relative to the root, without a leading slash, and refuses
// entries that no honest layer has.
func sanitise(h *tar.Header, form Form) error {
	name, err := relativeToRoot(h.Name)
	if err != nil {
		return err
	}
	h.Name = name
	if h.Typeflag == tar.TypeLink {
		if h.Linkname, err = relativeToRoot(h.Linkname); err != nil {
			return fmt.Errorf("hard link to %.200q: %w", h.Linkname, err)
		}
	}
	if name == "." && h.Typeflag != tar.TypeDir {
		return fmt.Errorf("%w: the root is not a directory", mctr.ErrInvalid)
	}
	switch h.Typeflag {
	case tar.TypeGNUSparse, tar.TypeCont:
		h.Typeflag = tar.TypeReg
	case tar.TypeChar:
		if h.Devmajor == 0 && h.Devminor == 0 && !strings.HasPrefix(path.Base(name), whiteout) {
			// On an overlay this device is a whiteout; docker treats it as one too.
			h.Typeflag, h.Name = tar.TypeReg, path.Join(path.Dir(name), whiteout+path.Base(name))
		}
	}
	sanitiseXattrs(h, form)
	return checkWhiteout(path.Base(h.Name))
}

// relativeToRoot returns name relative to the root, "." for the root itself.
func relativeToRoot(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return name, fmt.Errorf("%w: the name has .. in it", mctr.ErrInvalid)
	}
	if strings.ContainsRune(name, 0) {
		return name, fmt.Errorf("%w: the name contains a NUL", mctr.ErrInvalid)
	}
	return path.Clean(strings.TrimLeft("./"+name, "/")), nil
}

// checkWhiteout refuses whiteouts of "", "." and "..": ".wh..." would be one of "..".
func checkWhiteout(base string) error {
	if hidden, ok := strings.CutPrefix(base, whiteout); ok && (hidden == "" || hidden == "." || hidden == "..") {
		return fmt.Errorf("%w: whiteout of %q", mctr.ErrInvalid, hidden)
	}
	return nil
}

// sanitiseXattrs drops attributes that belong to the host. From a plain tree it drops those of
// overlayfs too: they are not escaped there, and an overlay may be mounted on the tree later.
func sanitiseXattrs(h *tar.Header, form Form) {
	for k := range h.PAXRecords {
		name, ok := strings.CutPrefix(k, paxXattr)
		if ok && (slices.Contains(skipped, name) || form == Merged && strings.HasPrefix(name, "trusted.overlay.")) {
			delete(h.PAXRecords, k)
			//lint:ignore SA1019 umoci reads this older field
			delete(h.Xattrs, name)
		}
	}
}
