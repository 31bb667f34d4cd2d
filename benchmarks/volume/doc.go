// Package volume tests persistent volumes: whether data survive all that ends a container, a process or
// a host, whether locks and limits hold, and what the storage costs compared to the local disk. It knows
// volumes only as package agent does, by a driver, options and a size.
//
// On disk: a temporary directory for each node, with a ROOT and a STATE. In the kernel: containers and
// what their volumes need. All of it, and the volumes themselves, is removed afterwards.
package volume
