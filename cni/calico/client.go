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

// DefaultTimeout bounds one command of calicoctl, which by itself would try to reach a datastore
// for minutes.
const DefaultTimeout = 30 * time.Second

// A Client reads and writes resources in a datastore.
type Client struct {
	Program   string // the path of calicoctl
	Datastore Datastore
	Timeout   time.Duration // 0: DefaultTimeout
}

// Apply creates or updates the resources. It checks all of them before it sends the first. The
// resources are applied in order; after an error the earlier ones stay.
func (c *Client) Apply(ctx context.Context, resources ...Resource) error {
	return c.send(ctx, "apply", resources)
}

// Create creates resources. The error wraps mctr.ErrExists for a resource that exists.
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

// Delete deletes resources of a kind. Only policies have a namespace; empty is DefaultNamespace.
// The error wraps mctr.ErrNotFound for a resource that does not exist.
func (c *Client) Delete(ctx context.Context, kind, namespace string, names ...string) error {
	args, err := named("delete", kind, namespace, names)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, nil, args...)
	return err
}

// Get reads one resource. The error wraps mctr.ErrNotFound if the resource does not exist.
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

// List reads all resources of a kind, in all namespaces.
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

// parse reads calicoctl's output. It ignores fields of a newer Calico.
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

// named returns the arguments of a command for resources by name. It checks the names, because
// calicoctl would take a name that begins with a dash for an option.
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

// run runs calicoctl with a configuration file of its own, which has precedence over
// /etc/calico/calicoctl.cfg and the environment. calicoctl refuses a cluster of another version by
// default, even if it was built without a version. run allows that: the linked types define the
// resources.
func (c *Client) run(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	config, err := c.Datastore.config()
	if err != nil {
		return nil, err
	}
	file, err := inMemory(config)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the file is in memory
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

// inMemory returns a file that exists only in memory. calicoctl opens it by its descriptor.
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

// because wraps err, or a sentinel that calicoctl's output stands for, with this output.
func because(err error, said string) error {
	said = strings.TrimSpace(said)
	for _, known := range []struct {
		text     string
		sentinel error
	}{
		// first: without a connection, calicoctl learns nothing else
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
