// Package tree walks and removes trees of files made by a container or an image: trees of any
// depth, which may change meanwhile, without ever following a link. It opens each directory by one
// name in its open parent, and keeps few directories open. On the way back up it reopens a
// directory that it closed as ".." of the one below, and accepts it only if it still is the same
// directory. No path becomes longer with the depth. In the kernel: descriptors during a call.
package tree
