// Command usage measures the cost of asking how much a container consumes. It compares
// containerizer.Usage, and only its reading of control groups, with GetStats of
// opencontainers/cgroups, which runc's libcontainer uses, on the same groups. They take turns in a
// new order in each round.
//
// The containers are bare: a control group in every hierarchy, made by opencontainers/cgroups, with
// one sleeping process in a network namespace of its own, and the records by which a containerizer
// knows a running container. This program holds the lock of the supervisor. A reader cannot tell
// such containers from real ones, and a thousand real ones would only take longer to start. The
// files are in the page cache and are kept open, as for an agent that asks every second. Usage does
// more than GetStats: it also reads the network.
//
// Figures are the user and system time of this process for each container. They do not include time
// that a shared machine lets this process wait.
//
// On disk: temporary directories. In the kernel: the groups, the processes, and a mount. Nothing is
// left behind.
package main
