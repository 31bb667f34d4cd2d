// Package vm boots virtual machines with pure cgroup v2 and runs this module's tests in them, for
// hosts whose kernel or cgroup layout does not support what the tests need.
//
// It consists of scripts, each of which describes its use in its first lines: run executes one
// command in a new machine, image builds the image to boot, tests builds the test binaries of
// packages and runs them in one machine. The scripts under guest run in the guest. The Go test
// here, with the build tag "vm", checks the properties of the guest.
//
// On disk: the image and its log in /var/cache/mctr-vm (MCTR_VM_CACHE), and a directory beneath it
// while a machine runs. In the kernel: a tmpfs in a mount namespace of its own while the image is
// built. A machine ends with its process.
package vm
