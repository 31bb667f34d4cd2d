// Package load makes traffic and measures it: requests with their responses over
// connections that stay (rr) or that are made for each (crr), datagrams (udp), and
// streams by iperf3 (stream). A loader is a process that is told what to do over a
// unix socket, so that it can live in a container and be warm when it is measured.
//
// On disk: the socket. In the kernel: sockets, and an iperf3 beside each server.
package load
