// Package layer unpacks one image layer: a tar stream, perhaps compressed, into
// a directory. The stream comes from outside and nothing of it is believed: its
// digest is computed on the way, sizes and counts are bounded before anything is
// written, and names, links and whiteouts cannot lead out of the directory.
//
// What a name may be: absolute names are taken as relative to the root, as tar
// does; names and link targets with "..", and whiteouts of the directory itself
// or its parent, are refused; symbolic links on the way are followed inside the
// root. A 0:0 character device is refused, since overlayfs takes it for a
// whiteout. Extended attributes of overlayfs itself are escaped.
//
// On disk: the directory given. In the kernel: nothing.
//
// Spec: OCI image-spec 1.1, layer.md; the work on each entry is umoci's.
package layer
