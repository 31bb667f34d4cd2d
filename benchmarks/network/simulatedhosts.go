package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wire has the addresses of the two hosts in one machine, from RFC 2544's range for benchmarks.
var wire = [2]netip.Prefix{netip.MustParsePrefix("198.18.0.1/24"), netip.MustParsePrefix("198.18.0.2/24")}

// etcdAddress is the address of the switch, on which Calico's datastore listens.
var etcdAddress = netip.MustParsePrefix("198.18.0.254/24")

// A Machine plays two hosts: two pairs of a network and a mount namespace, each with a process for
// its side, and a bridge in a third network namespace that connects them.
type Machine struct {
	dir    string
	sw     *exec.Cmd // keeps the switch's namespace
	etcd   *exec.Cmd
	sides  [2]*exec.Cmd
	remote [2]*remote
}

// NewMachine starts both hosts. It runs p.Bench as "mctr-bench network side" for each.
func NewMachine(ctx context.Context, p Programs) (*Machine, error) {
	dir, err := os.MkdirTemp("", "mctr-bench-")
	if err != nil {
		return nil, err
	}
	m := &Machine{dir: dir}
	if err := m.start(ctx, p); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Machine) start(ctx context.Context, p Programs) error {
	m.sw = inNamespaces("sleep", "infinity")
	if err := m.sw.Start(); err != nil {
		return err
	}
	for i := range m.sides {
		if err := m.side(i, p); err != nil {
			return err
		}
	}
	if err := m.connect(); err != nil {
		return err
	}
	if p.Calico != "" {
		if err := m.startEtcd(); err != nil {
			return err
		}
	}
	for i := range m.sides {
		if err := m.await(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// inNamespaces returns a command that runs in a network and a mount namespace of its own.
func inNamespaces(argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: unix.SIGTERM}
	return cmd
}

func (m *Machine) socket(i int) string { return filepath.Join(m.dir, strconv.Itoa(i)+".sock") }

func (m *Machine) side(i int, p Programs) error {
	m.sides[i] = inNamespaces(p.Bench, "network", "side", "--socket", m.socket(i), "--self", wire[i].Addr().String(),
		"--peer", wire[1-i].Addr().String(), "--bin", p.Bin, "--calico", p.Calico)
	m.remote[i] = dial(m.socket(i), "")
	return m.sides[i].Start()
}

// connect connects each host to the switch.
func (m *Machine) connect() error {
	within := func(cmd *exec.Cmd, argv ...string) []string {
		return append([]string{"nsenter", "--net=/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/net", "--"}, argv...)
	}
	steps := [][]string{
		within(m.sw, "ip", "link", "set", "lo", "up"),
		// The address is fixed; otherwise it would change with the ports, and hosts would lose it for a while.
		within(m.sw, "ip", "link", "add", "switch", "address", "02:00:00:00:00:fe", "type", "bridge"),
		within(m.sw, "ip", "address", "add", etcdAddress.String(), "dev", "switch"),
		within(m.sw, "ip", "link", "set", "switch", "up"),
	}
	for i, side := range m.sides {
		port := "port" + strconv.Itoa(i)
		steps = append(steps,
			within(m.sw, "ip", "link", "add", port, "type", "veth", "peer", "name", "wire0", "netns",
				strconv.Itoa(side.Process.Pid)),
			within(m.sw, "ip", "link", "set", port, "master", "switch", "up"),
			within(side, "ip", "link", "set", "lo", "up"),
			within(side, "ip", "address", "add", wire[i].String(), "dev", "wire0"),
			within(side, "ip", "link", "set", "wire0", "up"),
			// The host answers for Calico's gateway, 169.254.1.1, only if it has a route to it.
			within(side, "ip", "route", "add", "default", "via", etcdAddress.Addr().String()),
		)
	}
	for _, argv := range steps {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", argv, err, out)
		}
	}
	return nil
}

// await waits until a side answers.
func (m *Machine) await(ctx context.Context, i int) error {
	for deadline := time.Now().Add(startTime); ; time.Sleep(10 * time.Millisecond) {
		_, err := m.remote[i].Facts(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("host %d: %w", i, err)
		}
	}
}

// Close ends both hosts and the switch. A side cleans up when it gets SIGTERM.
func (m *Machine) Close() error {
	var errs []error
	for _, cmd := range []*exec.Cmd{m.sides[0], m.sides[1], m.etcd, m.sw} {
		if cmd == nil || cmd.Process == nil {
			continue
		}
		_ = cmd.Process.Signal(unix.SIGTERM)
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) && exit.ExitCode() > 0 {
			errs = append(errs, fmt.Errorf("%s ended with %w", cmd.Args[0], err))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(m.dir))...)
}
