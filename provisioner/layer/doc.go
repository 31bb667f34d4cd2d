// Package layer unpacks one image layer, a tar stream that may be compressed, into a directory. The
// stream is not trusted: its digest is computed while it is read, sizes and counts are limited
// before anything is written, and names, links and whiteouts cannot lead outside the directory.
//
// Absolute names are taken as relative to the root, as tar does. Names and link targets with "..",
// and whiteouts of the directory itself or its parent, are refused. Symbolic links in a path are
// followed inside the root. A 0:0 character device becomes a whiteout, which is what overlayfs
// takes it for. Extended attributes of overlayfs itself are escaped.
//
// On disk: the given directory. In the kernel: nothing.
//
// Spec: OCI image-spec 1.1, layer.md; umoci writes each entry.
package layer
