// Package logs keeps the output of tasks: it captures stdout and stderr from their pipes, writes
// them to files that it rotates, passes them on to attached clients, and reads them back, across
// rotations and while they grow.
//
// Writing: [Open] a [Log], call [Log.Capture] for each stream, [Capture.Drain] when the task has
// exited, and [Log.Close]. Reading: call [Read]. It needs no writer and no lock; any number of
// readers may run beside a writer.
//
// On disk, in a directory of mode 0700 that is used by its descriptor, and in which symbolic links
// are never followed:
//
//	log, log.1 ... log.<N-1>   drivers cri and json-file: both streams, newest first
//	stdout, stderr, .1 ...     driver raw: the bytes of each stream
//	*.new                      briefly, the next file before it is renamed
//
// A file is rotated by rename and never written again; a file with whole lines is never truncated.
// The extended attribute user.mctr.seq numbers the files, so that a reader knows whether a file was
// removed before it could be read.
//
// In the kernel: the pipes are enlarged to 1 MiB if that is permitted. The buffers are anonymous
// mappings that use no memory while a stream is silent.
//
// Recovery: a writer that opens an existing directory appends. It cuts off a last line torn by a
// crash, and the log reports the bytes as dropped, like those that a full disk refused.
//
// The package follows the log format of the Kubernetes CRI (kubernetes/design-proposals,
// kubelet-cri-logging) and Docker's json-file driver.
package logs
