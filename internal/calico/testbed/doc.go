// Package testbed is two hosts with Calico and no Kubernetes, for tests: each
// host is a network, a mount and a process namespace, both are on the bridge of a
// third one, where etcd listens. What runs on them is real: calico-node with
// Felix, Calico's CNI plugin and calicoctl.
//
// It needs root, etcd, iptables, ipset and conntrack. The addresses are of 198.18.0.0/15 (RFC
// 2544), and no link leads out. Everything is below one directory, or in one of the
// namespaces, and ends with their first process, which dies with the test.
package testbed
