//go:build cgo && seccomp

package bpfcache

// The wrapped functions are those with which libseccomp-golang adds rules and exports. ld replaces
// calls of NAME by __wrap_NAME, and calls of __real_NAME by NAME.

/*
#cgo LDFLAGS: -Wl,--wrap=seccomp_rule_add_array
#cgo LDFLAGS: -Wl,--wrap=seccomp_rule_add_exact_array
#cgo LDFLAGS: -Wl,--wrap=seccomp_export_bpf

#define _GNU_SOURCE
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <unistd.h>

static void *ready;        // the program from an earlier launch, or NULL
static size_t ready_size;
static int output = -1;    // where this process, a compiler, writes its program, or -1

static void set_ready(void *program, size_t size) { ready = program; ready_size = size; }
static void set_output(int fd) { output = fd; }

int __real_seccomp_rule_add_array(scmp_filter_ctx, uint32_t, int, unsigned int, const struct scmp_arg_cmp *);
int __real_seccomp_rule_add_exact_array(scmp_filter_ctx, uint32_t, int, unsigned int, const struct scmp_arg_cmp *);
int __real_seccomp_export_bpf(const scmp_filter_ctx, int);

int __wrap_seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
                                  const struct scmp_arg_cmp *args) {
	return ready ? 0 : __real_seccomp_rule_add_array(ctx, action, nr, n, args);
}

int __wrap_seccomp_rule_add_exact_array(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
                                        const struct scmp_arg_cmp *args) {
	return ready ? 0 : __real_seccomp_rule_add_exact_array(ctx, action, nr, n, args);
}

static int write_ready(int fd) {
	const char *from = ready;
	for (size_t left = ready_size; left > 0;) {
		ssize_t n = write(fd, from, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		left -= n;
	}
	return 0;
}

int __wrap_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd) {
	if (ready)
		return write_ready(fd);
	if (output >= 0) // the program is all that is wanted: it is never loaded
		_exit(__real_seccomp_export_bpf(ctx, output) == 0 ? 0 : 1);
	return __real_seccomp_export_bpf(ctx, fd);
}
*/
import "C"

import (
	"os"

	"golang.org/x/sys/unix"
)

// Receive looks for the memfd that the parent passed. It must be called before anything else in
// init. The memfd stays open until exec, because libcontainer passes a range of descriptor numbers
// on to the user's command, and no other file may get this number.
func Receive() {
	if fd, program := findMemfd(); fd >= 0 {
		unix.CloseOnExec(fd)
		C.set_ready(C.CBytes(program), C.size_t(len(program)))
	}
}

// exportTo makes the next export write the program to f and end this process.
func exportTo(f *os.File) { C.set_output(C.int(f.Fd())) }
