// Command launch measures the cost of a container: /bin/true from start to exit and clean-up from a
// warm image. mctr's library and command line compete with runc and crun, which run the bundle that
// mctr exports of the same container: the same spec, seccomp profile, mounts and namespaces, but a
// plain directory as root where mctr mounts and unmounts an overlay. Contenders take turns in a new
// order in each round, so that a disturbance of the machine affects all of them. runc runs twice,
// and the difference between its two series is the noise.
//
// CPU is the user and system time of everything that a run started: the bench is the subreaper of
// its descendants (prctl(2)), a run ends when no descendant is left, and the difference of
// RUSAGE_CHILDREN is their time, including the shim's and its init's. For the library, the bench's
// own time is added.
//
// Memory is the proportional set size (smaps_rollup, proc(5)) of the processes that stay with a
// sleeping container: mctr-shim, and conmon for runc.
//
// On disk: temporary directories, or those of -root and -state, and the SVG. In the kernel: the
// containers of the run. Nothing is left behind.
package main
