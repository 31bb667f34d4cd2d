package cni

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/isolators"
)

const (
	hosts    = "/etc/hosts"
	hostname = "/etc/hostname"
	resolv   = "/etc/resolv.conf"
)

// etc are the files that mctr writes for every container with an image, whatever its network mode.
var etc = []string{hosts, hostname, resolv}

// files returns the directory of the container's own files.
func files(h mctr.Handle) string { return filepath.Join(h.Dir, (*isolator)(nil).Name()) }

// A view is the network that a container's files describe.
type view struct {
	attachments []*cni.Attachment // of the container, or of the container whose network it shares
	host        bool              // the network is the host's
	from        string            // the directory of the base files, which the container's begin with; "": none
}

// describe writes the container's files and binds them. If a file would equal its base file, which
// belongs to another container, describe binds the base file. A container on the host's filesystem
// in the host's network uses the host's files unless its config asks for other names.
func (i *isolator) describe(c *mctr.Container, a *mctr.Adjustment, v view) error {
	named := c.Config.Hostname != "" || len(c.Config.ExtraHosts) > 0 || asksDNS(c.Config.DNS)
	if c.Image == nil && v.host && !named {
		return nil
	}
	contents, err := i.contents(c, v)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Dir, i.Name())
	for _, file := range etc {
		if c.Image == nil && !isFile(file) {
			continue // the engine would make a mount point on the host
		}
		source := filepath.Join(v.from, filepath.Base(file))
		if theirs, err := os.ReadFile(source); v.host || v.from == "" || err != nil ||
			!bytes.Equal(theirs, contents[file]) {
			source = filepath.Join(dir, filepath.Base(file))
			if err := write(source, contents[file]); err != nil {
				return err
			}
		}
		a.Spec.Mounts = append(a.Spec.Mounts, bind(c, file, source))
	}
	return nil
}

func asksDNS(d mctr.DNS) bool { return len(d.Servers) > 0 || len(d.Search) > 0 || len(d.Options) > 0 }

func (i *isolator) contents(c *mctr.Container, v view) (map[string][]byte, error) {
	name, err := isolators.Hostname(c)
	if err != nil {
		return nil, err
	}
	names, err := hostsFile(c.Config.ExtraHosts, name, v)
	if err != nil {
		return nil, err
	}
	servers, err := i.resolvFile(c.Config.DNS, v)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{hosts: names, hostname: []byte(name + "\n"), resolv: servers}, nil
}

// begin returns the base file; nil if there is none.
func (v view) begin(file string) ([]byte, error) {
	if v.from == "" {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(v.from, filepath.Base(file)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// write writes a file in place: no process reads it before the container exists, and a launch that
// is cut off is repeated from the start. Every user may read the file, even if this process has a
// strict umask(2).
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// bind returns the mount of a file. As with docker, the container may change the file.
func bind(c *mctr.Container, file, source string) specs.Mount {
	options := []string{"bind", "rprivate"}
	if c.Config.ReadOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Destination: file, Type: "bind", Source: source, Options: options}
}

// shared gives c the network of another container, with that container's files and address.
func (i *isolator) shared(c *mctr.Container, other mctr.ContainerID, path string) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{Spec: specs.Spec{Linux: namespace(path)}}
	v := view{host: true, from: filepath.Dir(hosts)} // used unless one of the containers below has files of its own
	for id := other; id != ""; id = id.Parent() {    // a parent may share the network of its own parent
		if !isFile(filepath.Join(files(c.HandleOf(id)), filepath.Base(hosts))) {
			continue
		}
		attachments, err := i.networks.AttachmentsOf(id)
		if err != nil {
			return nil, err
		}
		link, _ := os.Readlink(path)
		host := link != "" && link == inode("self")
		v = view{attachments: attachments, host: host, from: files(c.HandleOf(id))}
		a.Spec.Process = addressVariable(attachments)
		break
	}
	return a, i.describe(c, a, v)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
