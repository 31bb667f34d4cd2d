package cni

import (
	"bytes"
	"os"
)

// forwarding are the sysctls by which the host forwards packets. Some plugins turn them on.
var forwarding = []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}

// watchForwarding reads the sysctls. The function that it returns logs those that have been turned
// on since.
func (n *Networks) watchForwarding() func(network string) {
	before := readForwarding()
	return func(network string) {
		for i, now := range readForwarding() {
			if !bytes.Equal(before[i], now) {
				n.log.Warn("this host forwards packets now: a network's plugins changed "+forwarding[i],
					"network", network, "from", string(before[i]), "to", string(now))
			}
		}
	}
}

func readForwarding() [][]byte {
	values := make([][]byte, len(forwarding))
	for i, path := range forwarding {
		data, _ := os.ReadFile(path) // a kernel without IPv6 has no such file
		values[i] = bytes.TrimSpace(data)
	}
	return values
}
