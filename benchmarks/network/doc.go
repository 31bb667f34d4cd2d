// Package network compares what traffic costs by the ways in which containers are
// attached: the answer to "network performance?". Containers are launched by mctr and
// attached by CNI; each case is measured beside a baseline, host to host without
// any container, in turns, and told as the ratio of the two.
//
// One machine plays both hosts: two network namespaces with a wire between them.
// Or two machines do: one serves, the other measures.
//
// On disk: a temporary directory a host, gone afterwards. In the kernel: network
// namespaces, control groups and what the cases need, gone afterwards.
package network
