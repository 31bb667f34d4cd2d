// Package tree walks and removes trees of files that a container or an image has made:
// of any depth, while they change, without ever following a link. Directories are
// opened by one name in an open directory, and few of them are open at a time: on the
// way back up, one that was closed meanwhile is opened as the parent of the one below,
// and counts only if it is still the same directory. No path grows with the depth.
// In the kernel: descriptors while a call runs.
package tree
