// Package calico renders and checks Calico's resources (pools of addresses,
// policies, profiles) and keeps them in the datastore of a CNI network of Calico's,
// by way of calicoctl (https://docs.tigera.io/calico/latest/reference/resources/).
//
// Calico's types are linked, but no client of etcd: calicoctl is that. It creates
// nothing on this host; what it applies is in the datastore until it is deleted
// it, whatever becomes of hosts and agents.
package calico
