// Package network compares the cost of traffic between containers by how they are attached. mctr
// launches the containers and CNI plugins attach them. Each case takes turns with a baseline, which
// has no containers, and the result is the ratio of the two.
//
// One machine plays both hosts, as two network namespaces with a wire between them. Or there are
// two machines, of which one serves and the other measures.
//
// On disk: a temporary directory for each host. In the kernel: network namespaces, control groups
// and whatever the cases need. All of it is removed afterwards.
package network
