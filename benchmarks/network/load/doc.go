// Package load makes traffic and measures it: requests with their responses over permanent
// connections (rr) or over a new connection for each request (crr), datagrams (udp), and streams by
// iperf3 (stream). A loader is a process that gets its tasks over a unix socket, so that it can run
// in a container and be warm when it is measured.
//
// On disk: the socket. In the kernel: sockets, and an iperf3 process for each server.
package load
