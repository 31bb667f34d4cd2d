package cni

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/isolators"
)

// hostGateway stands for the address at which the container reaches its host.
const hostGateway = "host-gateway"

const (
	hosts    = "/etc/hosts"
	hostname = "/etc/hostname"
	resolv   = "/etc/resolv.conf"
)

// files is where the container's own files lie.
func (i *isolator) files(id mctr.ContainerID) string { return filepath.Join(i.dirOf(id), i.Name()) }

// describe writes the container's files and binds them. One on the host's
// filesystem keeps the host's unless it has a network to describe.
func (i *isolator) describe(c *mctr.Container, a *mctr.Adjustment, attachments []*cni.Attachment) error {
	if c.Image == nil && attachments == nil {
		return nil
	}
	name, err := isolators.Hostname(c)
	if err != nil {
		return err
	}
	contents := map[string]string{hosts: hostsFile(c, name, attachments)}
	if attachments != nil { // each file costs a launch half a millisecond
		contents[hostname] = name + "\n"
	}
	if attachments != nil || len(c.Config.DNS.Servers) > 0 {
		if contents[resolv], err = i.resolvFile(c, attachments); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.Dir, i.Name())
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	for file, content := range contents {
		if err := write(filepath.Join(dir, filepath.Base(file)), content); err != nil {
			return err
		}
	}
	a.Spec.Mounts = i.binds(c, dir)
	return nil
}

// write writes a file in place: nobody has it before the container is there, and a
// launch that is cut off is done again from the start. Everybody may read it, also
// where this process' umask(2) is strict.
func write(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// binds puts the files of dir into the container: its own, for it to change, as
// with docker.
func (i *isolator) binds(c *mctr.Container, dir string) []specs.Mount {
	var mounts []specs.Mount
	for _, file := range []string{hosts, hostname, resolv} {
		source := filepath.Join(dir, filepath.Base(file))
		if isFile(source) && (c.Image != nil || isFile(file)) {
			options := []string{"bind", "rprivate"}
			if c.Config.ReadOnly {
				options = append(options, "ro")
			}
			mounts = append(mounts, specs.Mount{Destination: file, Type: "bind", Source: source, Options: options})
		}
	}
	return mounts
}

// shared is the network of another container, with its files and address.
func (i *isolator) shared(c *mctr.Container, other mctr.ContainerID, path string) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{Spec: specs.Spec{Linux: namespace(path)}}
	for id := other; id != ""; id = id.Parent() { // a parent may share its own parent's
		if mounts := i.binds(c, i.files(id)); mounts != nil {
			attachments, err := i.networks.Of(id)
			a.Spec.Mounts = slices.DeleteFunc(mounts, func(m specs.Mount) bool { return m.Destination == hostname })
			a.Spec.Process = variable(attachments)
			return a, err
		}
	}
	return a, nil
}

// hostFiles are the host's names and resolvers, for an image that uses its network.
func hostFiles(c *mctr.Container) *mctr.Adjustment {
	if c.Image == nil {
		return nil // it has the host's filesystem
	}
	a := &mctr.Adjustment{}
	for _, file := range []string{hosts, resolv} {
		if isFile(file) {
			a.Spec.Mounts = append(a.Spec.Mounts, specs.Mount{
				Destination: file, Type: "bind", Source: file, Options: []string{"rbind", "ro", "rprivate"},
			})
		}
	}
	return a
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// hostsFile names the loopback addresses, every address of the container, and what
// was asked for (hosts(5)).
func hostsFile(c *mctr.Container, name string, attachments []*cni.Attachment) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	names := name
	if short, _, dotted := strings.Cut(name, "."); dotted {
		names += " " + short
	}
	own := false
	for _, a := range attachments {
		for _, p := range a.Result.Addresses {
			fmt.Fprintf(&b, "%v\t%s\n", p.Addr(), names)
			own = true
		}
	}
	if !own {
		fmt.Fprintf(&b, "127.0.1.1\t%s\n", names) // as Debian's: the name must lead somewhere
	}
	for _, host := range c.Config.ExtraHosts {
		name, ip, _ := strings.Cut(host, ":")
		if ip = strings.Trim(ip, "[]"); ip == hostGateway {
			ip = gateway(attachments)
		}
		if ip != "" {
			fmt.Fprintf(&b, "%s\t%s\n", ip, name)
		}
	}
	return b.String()
}

// gateway is the host as the first network that has one sees it.
func gateway(attachments []*cni.Attachment) string {
	for _, a := range attachments {
		for _, g := range a.Result.Gateways {
			return g.String()
		}
	}
	return ""
}

// resolvFile is what was asked for, else what the plugins say, else the network's
// default, else the host's without those that only the host reaches.
func (i *isolator) resolvFile(c *mctr.Container, attachments []*cni.Attachment) (string, error) {
	dns, chosen := c.Config.DNS, mctr.DNS{}
	for _, a := range attachments {
		if chosen = a.Result.DNS; len(chosen.Servers) > 0 {
			break
		}
		if chosen = i.networks.DefaultDNS(a); len(chosen.Servers) > 0 {
			break
		}
	}
	if len(chosen.Servers) == 0 && len(dns.Servers) == 0 {
		var err error
		if chosen, err = hostsDNS(); err != nil {
			return "", err
		}
	}
	if len(dns.Servers) > 0 {
		chosen.Servers = dns.Servers
	}
	if len(dns.Search) > 0 {
		chosen.Search = dns.Search
	}
	if len(dns.Options) > 0 {
		chosen.Options = dns.Options
	}
	return resolvText(chosen), nil
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

// systemdResolv lists what systemd-resolved asks, where the host's own file names
// only its stub on loopback.
const systemdResolv = "/run/systemd/resolve/resolv.conf"

// hostsDNS is the host's, without servers on its loopback, which the container
// cannot reach.
func hostsDNS() (mctr.DNS, error) {
	for _, path := range []string{resolv, systemdResolv} {
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return mctr.DNS{}, err
		}
		if d := parseResolv(string(data)); len(d.Servers) > 0 {
			return d, nil
		}
	}
	return mctr.DNS{}, nil
}

// parseResolv reads resolv.conf(5).
func parseResolv(text string) (d mctr.DNS) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil && !addr.IsLoopback() && addr.Zone() == "" {
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
