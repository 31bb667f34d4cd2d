// Command launch measures what a container costs: /bin/true from start to end
// and clean-up from a warm image, by mctr's library and command line, and by
// runc and crun on the bundle that mctr exports of the same container (same
// spec, seccomp profile, mounts and namespaces; a plain directory as root where
// mctr mounts and unmounts an overlay). Contenders take turns, in a new order
// each round, so that what disturbs the machine disturbs all of them; runc runs
// twice, and how far its two series differ is the noise.
//
// CPU is user and system time of everything that a run started: the bench is
// the subreaper of its descendants (prctl(2)), a run is over when none is left,
// and the difference of RUSAGE_CHILDREN is theirs, the shim's and its init's
// too. For the library the bench's own time is added.
//
// Memory is the proportional set size (smaps_rollup, proc(5)) of the processes
// that stay with a sleeping container: mctr-shim, and conmon for runc.
//
// On disk: temporary directories, or those of -root and -state, and the SVG.
// In the kernel: the containers of the run. Nothing is left behind.
package main
