// Package testbed sets up hosts with Calico and without Kubernetes for tests: each host consists of
// a network, a mount and a process namespace, and is connected to the bridge of another such
// machine, where etcd listens. The programs are real: calico-node with Felix, Calico's CNI plugin
// and calicoctl.
//
// It needs root, etcd, iptables, ipset and conntrack. The addresses are from 198.18.0.0/15 (RFC
// 2544), and no link leads outside. Everything is below one directory or in one of the namespaces,
// and ends with their first process, which dies with the test.
package testbed
