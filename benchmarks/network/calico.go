package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// etcdURL is the URL of Calico's datastore if one machine plays both hosts.
var etcdURL = "http://" + etcdAddress.Addr().String() + ":2379"

// pools are the address pools of Calico's two networks.
var pools = map[string]netip.Prefix{
	calicoNet: netip.MustParsePrefix("198.19.0.0/20"), calicoVXLAN: netip.MustParsePrefix("198.19.16.0/20"),
}

// startEtcd starts the datastore in the switch's namespace.
func (m *Machine) startEtcd() error {
	m.etcd = exec.Command("nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", m.sw.Process.Pid), "--", "etcd", "--data-dir",
		filepath.Join(m.dir, "etcd"), "--listen-client-urls", etcdURL, "--advertise-client-urls", etcdURL,
		"--listen-peer-urls", "http://127.0.0.1:2380", "--log-level", "error")
	m.etcd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	return m.etcd.Start()
}

// calicoNetwork starts Calico on this host at the first call, and writes the network's list.
func (s *Side) calicoNetwork(ctx context.Context, name string) (*network, error) {
	if s.programs.Calico == "" {
		return nil, fmt.Errorf("%w: Calico's programs are not built here (internal/calico/build DIR, and --calico DIR)",
			mctr.ErrUnsupported)
	}
	if s.felix == nil {
		if err := s.startCalico(ctx); err != nil {
			return nil, fmt.Errorf("start Calico: %w", err)
		}
	}
	return &network{}, s.write(name,
		map[string]any{"cniVersion": "1.0.0", "name": name, "plugins": []any{map[string]any{
			"type": "calico", "datastore_type": "etcdv3", "etcd_endpoints": etcdURL, "nodename": s.node(),
			"log_level": "Error",
			"ipam":      map[string]any{"type": "calico-ipam", "ipv4_pools": []any{pools[name].String()}},
		}}})
}

// node returns this host's name in the datastore.
func (s *Side) node() string { return fmt.Sprintf("bench%d", s.index()) }

func (s *Side) calicoEnv() []string {
	return append(os.Environ(), "DATASTORE_TYPE=etcdv3", "ETCD_ENDPOINTS="+etcdURL, "NODENAME="+s.node(),
		"FELIX_FELIXHOSTNAME="+s.node(), "IP="+s.self.String()+"/24", "IP6=none", "AS=64512",
		"CALICO_NETWORKING_BACKEND=vxlan", "NO_DEFAULT_POOLS=true", "FELIX_DATASTORETYPE=etcdv3",
		"FELIX_ETCDENDPOINTS="+etcdURL, "FELIX_IPV6SUPPORT=false", "FELIX_IPTABLESBACKEND=NFT",
		"FELIX_DebugSkipCTLBCleanup=true", "FELIX_HEALTHENABLED=true", "FELIX_HEALTHHOST=127.0.0.1",
		"FELIX_LOGSEVERITYSCREEN=Error", "FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT", "FELIX_VXLANENABLED=true")
}

// startCalico registers the host, starts Felix, and waits until Felix is ready. Calico has fixed
// paths for its directories. This side binds its own directories there, in a mount namespace of its
// own.
func (s *Side) startCalico(ctx context.Context) error {
	for _, path := range []string{"/var/run/calico", "/var/lib/calico", "/etc/calico", "/var/log/calico"} {
		own := filepath.Join(s.dir, "calico", path)
		if err := errors.Join(os.MkdirAll(own, 0o755), os.MkdirAll(path, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount(own, path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	if err := forward(); err != nil {
		return err
	}
	if err := s.runCalico(ctx, "", "calico-node", "-startup"); err != nil {
		return err
	}
	// The tunnel's address is this host's address in the overlay.
	if err := errors.Join(s.applyPools(ctx), s.runCalico(ctx, "", "calico-node", "-allocate-tunnel-addrs",
		"-allocate-tunnel-addrs-run-once")); err != nil {
		return err
	}
	felix, err := s.start("felix", slices.Concat([]string{"env"}, s.calicoEnv()[len(os.Environ()):],
		[]string{filepath.Join(s.programs.Calico, "calico-node"), "-felix"})...)
	if err != nil {
		return err
	}
	s.felix = felix
	return s.felixReady(ctx)
}

// applyPools makes both pools before Felix starts: Felix exits if the encapsulation of a pool
// changes what it has to program.
func (s *Side) applyPools(ctx context.Context) error {
	for name, mode := range map[string]string{calicoNet: "Never", calicoVXLAN: "Always"} {
		pool := fmt.Sprintf(`{"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": %q},
			"spec": {"cidr": %q, "vxlanMode": %q, "ipipMode": "Never", "natOutgoing": false}}`, name, pools[name], mode)
		if err := s.runCalico(ctx, pool, "calicoctl", "apply", "-f", "-", "--allow-version-mismatch"); err != nil {
			return err
		}
	}
	return nil
}

// felixTime bounds the time until Felix is ready.
const felixTime = time.Minute

func (s *Side) felixReady(ctx context.Context) error {
	client := &http.Client{Timeout: time.Second,
		Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true}}
	for deadline := time.Now().Add(felixTime); ; time.Sleep(50 * time.Millisecond) {
		answer, err := client.Get("http://127.0.0.1:9099/readiness")
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode < 300 {
				return nil
			}
			err = errors.New(answer.Status)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "felix.log"))
			return fmt.Errorf("felix is not ready: %w: %s", err, last(string(log)))
		}
	}
}

// runCalico runs one of Calico's programs with the environment of this host. The error ends with
// the program's output.
func (s *Side) runCalico(ctx context.Context, stdin, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs.Calico, program), args...)
	cmd.Env, cmd.Stdin = s.calicoEnv(), strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", program, args, err, last(string(out)))
	}
	return nil
}

func last(text string) string {
	const most = 400
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}

// Route adds a route to a container of the other host. Only Calico's network without encapsulation
// needs it: BGP, which would announce the routes, does not run in this bench.
func (s *Side) Route(_ context.Context, name, address string) error {
	if name != calicoNet {
		return nil
	}
	to := net.ParseIP(address)
	if to == nil {
		return fmt.Errorf("%w: %q is not an address", mctr.ErrInvalid, address)
	}
	return netlink.RouteReplace(
		&netlink.Route{Dst: &net.IPNet{IP: to, Mask: net.CIDRMask(32, 32)}, Gw: s.peer.AsSlice()})
}
