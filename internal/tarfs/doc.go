// Package tarfs writes a tree of files as a tar stream and makes one of a
// stream, while an untrusted process changes the tree: a container that
// runs. Each file is opened once, by one name in a directory that is open, and
// never by a path; what a name leads to is looked at before it is read. Links are
// resolved within the tree's root or not at all, so that neither reading nor
// writing ever leaves it. No named pipe and no device is ever opened.
//
// Kept are type, mode, owner, times, hard links, devices, named pipes and extended
// attributes (user.*, security.capability, access lists). Long runs of zeros
// become holes. Sockets are left out, as no tar can hold them.
//
// On disk: the files, each of them under a temporary name (.tmp-...) until it is
// whole. In the kernel: descriptors while a call runs.
package tarfs
