// Package bpfcache saves compiling the seccomp profile in every container's
// init: libseccomp needs longer for docker's default profile than all the rest
// of a launch, and the program is the same each time.
//
// libcontainer compiles in init and gives no way to hand it a ready program. So
// the parent passes init a memfd ([Handover]) that holds the program from an
// earlier launch, and this package stands between libcontainer and libseccomp
// (ld's --wrap, wrap.go): with a program at hand, adding rules does nothing and
// exporting gives that program; without, init compiles as ever and leaves the
// program in the memfd for the parent to keep. Everything else of libseccomp's
// answers for itself, and libcontainer still patches and loads what it exports.
//
// On disk: one file per profile in the directory given to [Open], named by a
// hash of what the program depends on: profile, libseccomp, kernel. A file that
// is damaged counts as missing. In the kernel: the memfd, until init executes
// the user's command. Without the build tag seccomp nothing is cached.
package bpfcache
