// Package vm boots virtual machines with pure cgroup v2 and runs the tests of
// this module in them, for hosts whose kernel or cgroup layout cannot show what
// the tests ask about.
//
// It consists of scripts, each with its manual at its head: run executes one
// command in a machine of its own, image makes what is booted, tests builds the
// test binaries of packages and runs them in one boot. The scripts under guest
// are the guest's. The Go test here, built with the tag "vm" only, checks that the
// guest is what it is made for.
//
// On disk: the image and its log in /var/cache/mctr-vm (MCTR_VM_CACHE), and
// there, while a machine runs, a directory of its own. In the kernel: while the
// image is built, a tmpfs in a mount namespace of its own. A machine is gone with
// its process.
package vm
