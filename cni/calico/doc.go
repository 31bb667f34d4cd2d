// Package calico renders and checks Calico's resources (pools of addresses, policies, profiles) and
// stores them in the datastore of a Calico network, through calicoctl
// (https://docs.tigera.io/calico/latest/reference/resources/).
//
// The package links Calico's types, but no client of etcd: calicoctl is the client. It creates
// nothing on this host. Resources stay in the datastore until they are deleted, independent of
// hosts and agents.
package calico
