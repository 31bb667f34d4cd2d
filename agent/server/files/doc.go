// Package files lists and reads the files in the sandboxes of containers, as /files of Mesos does.
// Their virtual paths begin with /containers/ID/sandbox. The files stdout and stderr in that
// directory are the streams of the container's log.
//
// A sandbox belongs to its task, which may be hostile. Therefore the kernel resolves every path, with
// its links, inside the sandbox, and the package opens only directories and regular files. It creates
// nothing.
package files
