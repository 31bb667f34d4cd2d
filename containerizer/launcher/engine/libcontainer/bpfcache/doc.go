// Package bpfcache saves compiling the seccomp profile in every container's
// init: libseccomp needs longer for docker's default profile than all the rest
// of a launch, and the program is the same each time.
//
// A profile is compiled once, by a run of this very executable on the host
// ([Compile]), before a process of the container exists. libcontainer compiles in
// init and gives no way to hand it a ready program. So the parent passes init a
// sealed memfd that holds the program ([Open]), and this package stands between
// libcontainer and libseccomp (ld's --wrap, wrap.go): with a program at hand,
// adding rules does nothing and exporting gives that program. Everything else of
// libseccomp's answers for itself, and libcontainer still patches and loads what
// it exports.
//
// Nothing flows the other way: a task with CAP_SYS_PTRACE can write to whatever
// an init in its pid namespace has open, so a program that came out of a container
// could be the task's own.
//
// On disk: one file per profile in the directory given to [Open], named by a
// hash of what the program depends on: profile, libseccomp, kernel. A file that
// is damaged counts as missing. In the kernel: the memfd, until init executes
// the user's command. Without the build tag seccomp nothing is cached.
package bpfcache
