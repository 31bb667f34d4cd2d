// Package server serves mctr-agent's API: the Mesos agent's v1 calls on
// containers and mctr's own over HTTP and JSON, the files of sandboxes, metrics
// and health.
//
// Nothing on disk or in the kernel is its own: containers are a containerizer's.
// What it keeps in memory ends with it: exec sessions, which die with their
// connections, and the ends that recovery found.
package server
