// Package files shows operators what tasks left in their sandboxes, as Mesos'
// /files does: under virtual paths /containers/ID/sandbox/..., with the streams of
// the log as stdout and stderr in it.
//
// A sandbox belongs to its task, which may be hostile: every path is resolved by
// the kernel inside the sandbox, links too, and only directories and regular files
// are ever opened. The package creates nothing.
package files
