// Package ocibinary is the engine that has the containers made by a program with
// runc's command line: runc, crun, runsc or another OCI runtime.
//
// Every verb is one run of the program, which ends at once. What it leaves are
// the container's processes, which become children of this process: the package
// makes it a child subreaper (prctl(2)), and a process is reaped by its Wait.
//
// On disk: one directory for each container below Options.Root, with the
// runtime's own state in it, and while a verb runs its log, pid file and console
// socket. It is gone after Delete. In the kernel: what config.json says, made by
// the runtime. Options.Cache is not used.
//
// What such a program would pass over in silence is refused by name: properties
// of config.json newer than the runtime-spec it says to know, limits that no
// update carries, and an environment that is not in config.json, since some
// runtimes keep a copy of what they run on disk.
package ocibinary
