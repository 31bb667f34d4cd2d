// Package tarfs writes a tree of files as a tar stream, and makes a tree from a stream, while an
// untrusted process, a running container, changes the tree. It opens each file once, by one name in
// an open directory and never by a path, and checks what kind of file it is before it reads it. It
// resolves links within the tree's root or not at all, so that neither reading nor writing ever
// leaves the root. It never opens a named pipe or a device.
//
// It preserves type, mode, owner, times, hard links, devices, named pipes and extended attributes
// (user.*, security.capability, access lists). Long runs of zeros become holes. It omits sockets,
// which a tar cannot represent.
//
// On disk: the files, each under a temporary name (.tmp-...) until it is complete. In the kernel:
// descriptors during a call.
package tarfs
