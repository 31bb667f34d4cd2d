// Package usage reads what a control group consumes, on cgroup v1 and v2 (cgroups(7)), and the
// traffic of its network namespace.
//
// A [Meter] keeps files open between two readings, because opening a file costs many times as much
// as reading it. It closes the files of a group that was removed, that was not read for a minute,
// or that it is told to drop. It leaves enough descriptors to this process: beyond its share, it
// opens and closes files for each reading.
//
// A figure that this kernel or this group does not have, or that disappears while it is read, stays
// unchanged: 0, or nil where 0 could be mistaken for a value. The package creates nothing.
package usage
