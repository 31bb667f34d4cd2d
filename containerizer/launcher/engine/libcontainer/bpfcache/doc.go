// Package bpfcache avoids compiling the seccomp profile in every container's init. libseccomp takes
// longer to compile Docker's default profile than the rest of a launch takes, and the resulting
// program is the same each time.
//
// A profile is compiled once, by a run of this executable on the host ([Compile]), before any
// process of the container exists. libcontainer compiles in init and does not accept a compiled
// program. So the parent passes init a sealed memfd with the program ([Open]), and this package
// intercepts libcontainer's calls of libseccomp (ld's --wrap, wraplibseccomp.go). If there is a
// program, adding a rule does nothing, and exporting writes that program. All other functions of
// libseccomp are unchanged, and libcontainer still patches and loads what it exports.
//
// No program comes out of a container. A task with CAP_SYS_PTRACE can write to any file that an
// init in its pid namespace has open, so such a program could have been written by the task.
//
// On disk: one file per profile in the directory given to [Open], named by a hash of what the
// program depends on: profile, libseccomp, kernel. A damaged file counts as missing. In the kernel:
// the memfd, until init executes the user's command. Without the build tag seccomp nothing is
// cached.
package bpfcache
