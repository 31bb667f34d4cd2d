// Package usage reads what a control group consumes, on cgroup v1 and v2
// (cgroups(7)), and what goes through its network namespace.
//
// A [Meter] keeps files open between two readings, for opening them costs many
// times what reading them does. It lets go of a group that was removed, that
// not asked for within a minute, or that it is told to drop, and it leaves this
// process descriptors to work with: without room it opens and closes.
//
// What this kernel or this group has not stays as it was: 0, or nil where a 0
// could be taken for a figure. So does what goes while it is read. The package
// creates nothing.
package usage
