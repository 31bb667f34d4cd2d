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

// etc are the files that every container with an image has of its network, whatever
// its mode.
var etc = []string{hosts, hostname, resolv}

// files is where the container's own files lie.
func files(h mctr.Handle) string { return filepath.Join(h.Dir, (*isolator)(nil).Name()) }

// A view is the network that a container's files describe.
type view struct {
	attachments []*cni.Attachment // the container's, or those of the container whose network it shares
	host        bool              // it is the host's
	from        string            // directory of the files that the container's begin with; "": they begin anew
}

// describe writes the container's files and binds them. A file that says nothing else
// than the one it begins with, of another container, is that container's. One on the
// host's filesystem in the host's network keeps the host's files unless it is to have
// other names.
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
			continue // a mount point would be made on the host
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

// begin is the file that the container's begins with; nothing where there is none.
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

// write writes a file in place: no process reads it before the container is there, and a
// launch that is cut off is done again from the start. Everybody may read it, also
// where this process' umask(2) is strict.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// bind puts a file into the container: its own, for it to change, as with docker.
func bind(c *mctr.Container, file, source string) specs.Mount {
	options := []string{"bind", "rprivate"}
	if c.Config.ReadOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Destination: file, Type: "bind", Source: source, Options: options}
}

// shared is the network of another container, with its files and address.
func (i *isolator) shared(c *mctr.Container, other mctr.ContainerID, path string) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{Spec: specs.Spec{Linux: namespace(path)}}
	v := view{host: true, from: filepath.Dir(hosts)} // unless a container with files of its own is found
	for id := other; id != ""; id = id.Parent() {    // a parent may share its own parent's
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
