package cni

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// hostGateway stands for the address at which the container reaches its host.
const hostGateway = "host-gateway"

// localhost is the beginning of every hosts file without a base file.
const localhost = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
	"fe00::\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

// hostsFile returns the container's /etc/hosts (hosts(5)): the loopback addresses, every address of
// the container, and the entries of extra. If there is a base file, it is kept, and the container's
// name is added if the base file lacks it. The host's own name is not added to the host's file,
// because it must resolve as on the host.
func hostsFile(extra []string, name string, v view) ([]byte, error) {
	begun, err := v.begin(hosts)
	if err != nil {
		return nil, err
	}
	if begun == nil {
		begun = []byte(localhost)
	}
	b := bytes.NewBuffer(begun)
	if n := len(begun); n > 0 && begun[n-1] != '\n' {
		b.WriteByte('\n')
	}
	if hosts, err := os.Hostname(); !names(begun, name) && (!v.host || err != nil || name != hosts) {
		nameAddresses(b, name, v.attachments)
	}
	for _, text := range extra {
		host, err := parseExtraHost(text)
		if err != nil {
			return nil, err
		}
		ip := host.ip
		if ip == hostGateway {
			if ip = gateway(v); ip == "" {
				return nil, fmt.Errorf(
					"%w: extra_hosts %s: the container's network has no gateway, so the host has no address in it",
					mctr.ErrInvalid, text)
			}
		}
		fmt.Fprintf(b, "%s\t%s\n", ip, host.name)
	}
	return b.Bytes(), nil
}

// nameAddresses adds a line with the name for each address of the container. Without an address the
// name gets a loopback address, as in Debian, because it must resolve.
func nameAddresses(b *bytes.Buffer, name string, attachments []*cni.Attachment) {
	words := name
	if short, _, dotted := strings.Cut(name, "."); dotted {
		words += " " + short
	}
	all := addresses(attachments)
	for _, p := range all {
		fmt.Fprintf(b, "%v\t%s\n", p.Addr(), words)
	}
	if len(all) == 0 {
		fmt.Fprintf(b, "127.0.1.1\t%s\n", words)
	}
}

// names reports whether a hosts file has the host name.
func names(file []byte, name string) bool {
	for line := range strings.Lines(string(file)) {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 1 && slices.Contains(words[1:], name) {
			return true
		}
	}
	return false
}

// An extraHost is a line of /etc/hosts from the config.
type extraHost struct{ name, ip string } // ip may be hostGateway

// parseExtraHost reads NAME:ADDRESS and NAME=ADDRESS. An IPv6 address may have brackets. It refuses
// a name that is not valid for a host, and an address with a zone, which names an interface of the
// host.
func parseExtraHost(text string) (extraHost, error) {
	name, ip, ok := strings.Cut(text, "=")
	if colon, after, found := strings.Cut(text, ":"); found && len(colon) < len(name) {
		name, ip, ok = colon, after, true
	}
	if inner, cut := strings.CutPrefix(ip, "["); cut {
		if ip, ok = strings.CutSuffix(inner, "]"); !ok {
			return extraHost{}, fmt.Errorf("%w: extra_hosts %q: a bracket is not closed", mctr.ErrInvalid, text)
		}
	}
	if !ok || !isHostName(name) {
		return extraHost{}, fmt.Errorf("%w: extra_hosts %q: %q is not a valid host name: want NAME:ADDRESS, or NAME:%s",
			mctr.ErrInvalid, text, name, hostGateway)
	}
	addr, err := netip.ParseAddr(ip)
	if ip != hostGateway && (err != nil || addr.Zone() != "") {
		return extraHost{}, fmt.Errorf("%w: extra_hosts %q: %q is not a valid address: want NAME:ADDRESS, or NAME:%s",
			mctr.ErrInvalid, text, ip, hostGateway)
	}
	return extraHost{name, ip}, nil
}

// isHostName reports whether name is valid by RFC 1123. It also accepts the underscore, which users
// of docker have in names.
func isHostName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters) != "" || label[0] == '-' ||
			label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// gateway returns the host's address as the container sees it: the gateway of the first network
// that has one, or the loopback address in the host's network; "" for none.
func gateway(v view) string {
	for _, a := range v.attachments {
		if a.Result == nil {
			continue
		}
		for _, g := range a.Result.Gateways {
			return g.String()
		}
	}
	if v.host {
		return "127.0.0.1"
	}
	return ""
}
