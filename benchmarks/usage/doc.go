// Command usage measures what it costs to ask how much a container consumes:
// containerizer.Usage, and the read alone of what it tells of control groups,
// against GetStats of opencontainers/cgroups, which runc's libcontainer uses, of
// the same groups. They take turns, in a new order each round.
//
// The containers are bare: a control group in every hierarchy, made by
// opencontainers/cgroups, with one sleeping process in a network namespace of its
// own, and the records by which a containerizer knows a running container (the
// lock of a supervisor is held by this program). A reader cannot tell them from
// real ones, and a thousand real ones would only take longer to start. The files
// are in the page cache and kept open, as for an agent that asks every second. Usage
// does more than GetStats: it reads the network.
//
// Figures are CPU time, user and system, of this process, for each container: of
// what a shared machine makes others wait, there is none in them.
//
// On disk: temporary directories. In the kernel: the groups, the processes, and a
// mount. Nothing is left behind.
package main
