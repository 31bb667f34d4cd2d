package calico

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// DefaultTimeout is what calicoctl has for one command. By itself it would try a
// datastore that is away for minutes.
const DefaultTimeout = 30 * time.Second

// A Client keeps resources in a datastore.
type Client struct {
	Program   string // calicoctl
	Datastore Datastore
	Timeout   time.Duration // 0: DefaultTimeout
}

// Apply creates the resources, or changes them to what is given. All are checked
// before the first is touched. They are applied in order; on an error the earlier
// ones stay.
func (c *Client) Apply(ctx context.Context, resources ...Resource) error {
	return c.send(ctx, "apply", resources)
}

// Create is Apply for what is not there yet. The error wraps mctr.ErrExists.
func (c *Client) Create(ctx context.Context, resources ...Resource) error {
	return c.send(ctx, "create", resources)
}

func (c *Client) send(ctx context.Context, verb string, resources []Resource) error {
	for _, r := range resources {
		if err := Check(r); err != nil {
			return err
		}
	}
	input, err := json.Marshal(resources)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, input, verb, "--filename=-")
	return err
}

// Delete deletes resources of a kind. The namespace is of policies; empty is
// DefaultNamespace. The error wraps mctr.ErrNotFound for one that is not there.
func (c *Client) Delete(ctx context.Context, kind, namespace string, names ...string) error {
	args, err := named("delete", kind, namespace, names)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, nil, args...)
	return err
}

// Get reads one resource. The error wraps mctr.ErrNotFound where there is none.
func (c *Client) Get(ctx context.Context, kind, namespace, name string) (Resource, error) {
	args, err := named("get", kind, namespace, []string{name})
	if err != nil {
		return nil, err
	}
	out, err := c.run(ctx, nil, append(args, "--output=json")...)
	if err != nil {
		return nil, err
	}
	return parse(kind, out)
}

// List reads all resources of a kind, in whatever namespace.
func (c *Client) List(ctx context.Context, kind string) ([]Resource, error) {
	if _, err := newOf(kind); err != nil {
		return nil, err
	}
	args := []string{"get", kind, "--output=json"}
	if kind == v3.KindNetworkPolicy {
		args = append(args, "--all-namespaces")
	}
	out, err := c.run(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("calicoctl get %s: answer: %w", kind, err)
	}
	var all []Resource
	for _, item := range list.Items {
		r, err := parse(kind, item)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// parse reads what calicoctl prints. A newer Calico's fields are not minded.
func parse(kind string, data []byte) (Resource, error) {
	r, err := newOf(kind)
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil {
		return nil, fmt.Errorf("calicoctl get %s: answer: %w", kind, err)
	}
	return r, nil
}

// named are the arguments for resources by name. The names are checked first: one
// that begins with a dash would be an option.
func named(verb, kind, namespace string, names []string) ([]string, error) {
	if _, err := newOf(kind); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := checkName(kind, name); err != nil {
			return nil, err
		}
	}
	args := append([]string{verb, kind}, names...)
	if kind != v3.KindNetworkPolicy {
		return args, nil
	}
	namespace = cmp.Or(namespace, DefaultNamespace)
	return append(args, "--namespace="+namespace), checkNamespace(namespace)
}

// run runs calicoctl with a configuration of our own: what /etc/calico/calicoctl.cfg
// says of another datastore would count before the environment. Its version may be
// another than the cluster's, which it refuses by itself, also where it was built
// without one; the types that are linked here say what it is given.
func (c *Client) run(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	config, err := c.Datastore.config()
	if err != nil {
		return nil, err
	}
	file, err := inMemory(config)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only memory
	timeout := cmp.Or(c.Timeout, DefaultTimeout)
	ctx, stop := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("no answer within %s: is etcd at %s?", timeout, c.Datastore.Endpoints))
	defer stop()
	cmd := exec.CommandContext(ctx, c.Program, append(args, "--config=/proc/self/fd/3", "--allow-version-mismatch")...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr, cmd.ExtraFiles, cmd.WaitDelay = bytes.NewReader(input), &stderr, []*os.File{file},
		time.Second
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	what := "calicoctl " + strings.Join(args[:min(2, len(args))], " ")
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %s: %w", mctr.ErrUnavailable, what, context.Cause(ctx))
	}
	return nil, fmt.Errorf("%s: %w", what, because(err, stderr.String()))
}

// inMemory is a file of no filesystem, which can be opened again by its descriptor.
func inMemory(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("calicoctl.cfg", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "calicoctl.cfg")
	if _, err := file.Write(data); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// because is what calicoctl said, as an error that matches a sentinel.
func because(err error, said string) error {
	said = strings.TrimSpace(said)
	for _, known := range []struct {
		text     string
		sentinel error
	}{
		// first: nothing else was found out then
		{"connection refused", mctr.ErrUnavailable}, {"connection error", mctr.ErrUnavailable},
		{"resource does not exist", mctr.ErrNotFound}, {"resource already exists", mctr.ErrExists},
	} {
		if strings.Contains(said, known.text) {
			return fmt.Errorf("%w: %s", known.sentinel, said)
		}
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, said)
}
