package cni

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// resolvFile returns the container's /etc/resolv.conf. Without a request it is the base file, if
// there is one. Otherwise each setting comes from the first of these that has it: the request, the
// plugins, the network's default, and the host's file without the servers that only the host
// reaches. Servers of a family of which the container has no address are left out.
func (i *isolator) resolvFile(asked mctr.DNS, v view) ([]byte, error) {
	begun, err := v.begin(resolv)
	if err != nil || begun != nil && !asksDNS(asked) {
		return begun, err
	}
	chosen := parseResolv(string(begun), v.host)
	if begun == nil {
		if chosen, err = i.offered(v.attachments, len(asked.Servers) == 0); err != nil {
			return nil, err
		}
	}
	chosen.Servers = within(chosen.Servers, v.attachments)
	if len(asked.Servers) > 0 {
		if chosen.Servers = within(asked.Servers, v.attachments); len(chosen.Servers) == 0 {
			return nil, fmt.Errorf("%w: dns.servers %s: the container has no address of that family", mctr.ErrInvalid,
				strings.Join(asked.Servers, ", "))
		}
	}
	if len(asked.Search) > 0 {
		chosen.Search = asked.Search
	}
	if len(asked.Options) > 0 {
		chosen.Options = asked.Options
	}
	return []byte(resolvText(chosen)), nil
}

// offered returns the first answer of the plugins that has a server, or the default of the first
// network that has one. If neither exists and host is true, it returns the host's.
func (i *isolator) offered(attachments []*cni.Attachment, host bool) (chosen mctr.DNS, err error) {
	for _, a := range attachments {
		if a.Result == nil {
			continue
		}
		if chosen = a.Result.DNS; len(chosen.Servers) > 0 {
			return chosen, nil
		}
		if chosen = i.networks.DefaultDNS(a); len(chosen.Servers) > 0 {
			return chosen, nil
		}
	}
	if host {
		return hostsDNS()
	}
	return chosen, nil
}

// within returns the servers that a container with the attachments can reach: those of the families
// of its addresses, and those on its own loopback. If the container has no address, within returns
// all servers.
func within(servers []string, attachments []*cni.Attachment) []string {
	families := familiesOf(attachments)
	if len(families) == 0 {
		return servers
	}
	return slices.DeleteFunc(slices.Clone(servers), func(server string) bool {
		addr, err := netip.ParseAddr(server)
		return err == nil && !addr.IsLoopback() && !families[addr.Unmap().Is4()]
	})
}

// families has true for each address family of which a container has an address; the key is true
// for IPv4.
type families map[bool]bool

func familiesOf(attachments []*cni.Attachment) families {
	f := families{}
	for _, p := range addresses(attachments) {
		f[p.Addr().Unmap().Is4()] = true
	}
	return f
}

func resolvText(d mctr.DNS) string {
	var b strings.Builder
	for _, s := range d.Servers {
		b.WriteString("nameserver " + s + "\n")
	}
	if len(d.Search) > 0 && !slices.Equal(d.Search, []string{"."}) {
		b.WriteString("search " + strings.Join(d.Search, " ") + "\n")
	}
	if len(d.Options) > 0 {
		b.WriteString("options " + strings.Join(d.Options, " ") + "\n")
	}
	return b.String()
}

// systemdResolv lists the servers that systemd-resolved asks. The host's own file then names only
// systemd-resolved's stub on loopback.
const systemdResolv = "/run/systemd/resolve/resolv.conf"

// hostsDNS returns the host's servers except those on the host's loopback, which the container
// cannot reach.
func hostsDNS() (mctr.DNS, error) {
	for _, path := range []string{resolv, systemdResolv} {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return mctr.DNS{}, err
		}
		if d := parseResolv(string(data), false); len(d.Servers) > 0 {
			return d, nil
		}
	}
	return mctr.DNS{}, nil
}

// parseResolv reads resolv.conf(5). With local it includes servers that only the host can reach:
// those on its loopback, and those that name one of its interfaces.
func parseResolv(text string, local bool) (d mctr.DNS) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil &&
				(local || !addr.IsLoopback() && addr.Zone() == "") {
				d.Servers = append(d.Servers, addr.String())
			}
		case "search", "domain":
			d.Search = words[1:]
		case "options":
			d.Options = append(d.Options, words[1:]...)
		}
	}
	return d
}
