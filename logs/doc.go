// Package logs keeps what a task prints: it captures stdout and stderr from
// their pipes, writes them to files that it rotates, passes them on to attached
// clients, and reads them back, also across rotations and while they grow.
//
// Writing: [Open] a [Log], one [Log.Capture] a stream, [Capture.Drain] when the
// task has ended, [Log.Close]. Reading: [Read]; it needs no writer and takes no
// lock, and any number may run beside a writer.
//
// On disk, in a directory of mode 0700 that is opened by descriptor, and whose
// entries are never followed where they are symbolic links:
//
//	log, log.1 ... log.<N-1>   drivers cri and json-file: both streams, newest first
//	stdout, stderr, .1 ...     driver raw: the bytes of each
//	*.new                      for a moment, the next file before it takes its name
//
// A file is rotated by rename and then never written again; no file that holds
// whole lines is ever truncated. The extended attribute user.mctr.seq counts the
// files, so that a reader knows whether one was removed before it came to it.
//
// In the kernel: the pipes are enlarged to 1 MiB where that is allowed. The
// buffers are anonymous mappings that hold no memory while a stream is silent.
//
// Recovery: a writer that opens an old directory appends. A last line torn by a
// crash is cut off and told in the log as bytes dropped, as are those that a
// full disk refused.
//
// It follows the log format of the Kubernetes CRI (kubernetes/design-proposals,
// kubelet-cri-logging) and Docker's json-file driver.
package logs
