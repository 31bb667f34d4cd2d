package cni

import (
	"bytes"
	"os"
)

// forwarding are the host's switches that plugins turn on.
var forwarding = []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}

// prepareHost makes what a network of ours needs on the host besides its plugins.
func (n *Networks) prepareHost(network *Network) error {
	own := network.Definition
	switch {
	case own != nil && own.Overlay != nil:
		return own.setUpOverlay()
	case own != nil && own.Bridge != "":
		_, err := own.setUpBridge()
		return err
	}
	return repairBridges(network)
}

// watchForwarding remembers the host's switches; the function that it returns says
// which of them were turned on since.
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
