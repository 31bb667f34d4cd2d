// Package usage reads what a control group consumes, on cgroup v1 and v2
// (cgroups(7)). Each file is opened once a call, and nothing is looked for.
//
// What this kernel or this group has not stays as it was: 0, or nil where a 0
// could be taken for a figure. So does what goes while it is read. The package
// creates nothing.
package usage
