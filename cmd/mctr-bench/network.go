package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/network"
)

// networkFlags has the values of the flags of the command network.
type networkFlags struct {
	options         network.Options
	cases           []string
	json, html, svg string
	bin, calico     string
	server          string
	client, token   string
	address         string
	quiet           bool
}

func networkCommand() *cobra.Command {
	f := &networkFlags{}
	cmd := &cobra.Command{
		Use: "network [flags]", Short: "Compare the ways to attach containers to networks", Args: cobra.NoArgs,
		Long: `Compare the cost of traffic for the ways to attach containers: direct, host, bridge
with ports, overlays, Calico. Each case runs alternately with a baseline, from host
to host without containers. The result is a ratio to the baseline with a confidence
interval; a difference that may be noise is marked.

This machine plays both hosts, each in a network namespace. With --server on one
machine and --client on another, these machines are the hosts: the benchmark creates
containers, bridges and firewall rules on them and removes everything at the end.
Calico works only on one machine.`,
		Example: `  mctr-bench network
  mctr-bench network --rounds 10 --duration 1s --html network.html --json network.json
  mctr-bench network --case bridge --case vxlan
  host2# mctr-bench network --server 192.0.2.2:7707
  host1# mctr-bench network --client 192.0.2.2:7707 --address 192.0.2.1 --token TOKEN`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	s := cmd.Flags()
	s.IntVar(&f.options.Rounds, "rounds", 6, "rounds of each case")
	s.DurationVar(&f.options.Duration, "duration", 500*time.Millisecond,
		"duration of one load, up to a minute; streams take whole seconds")
	s.IntVar(&f.options.Conns, "conns", 64, "connections of the load with many connections")
	s.IntVar(&f.options.Attach, "attach", 100, "how often to attach and detach each network; 0: never")
	s.StringArrayVar(&f.cases, "case", nil, "`NAME` of a case, or its beginning: "+network.Names()+" (default: all)")
	s.StringVar(&f.json, "json", "", "write all results to `FILE` (-: stdout, instead of the tables)")
	s.StringVar(&f.html, "html", "", "write an HTML page with charts to `FILE`")
	s.StringVar(&f.svg, "svg", "", "write the chart of throughput to `FILE`")
	s.StringVar(&f.bin, "bin", "", "`DIR` with mctr-shim, mctr-helper and cni (default: the directory of mctr-bench)")
	s.StringVar(&f.calico, "calico", "",
		"`DIR` with calico, calico-ipam, calicoctl and calico-node (default: calico beside mctr-bench)")
	s.StringVar(&f.server, "server", "", "be the first of two machines, and serve at `ADDRESS:PORT`")
	s.StringVar(&f.client, "client", "", "be the second machine, and measure with the server at `ADDRESS:PORT`")
	s.StringVar(&f.address, "address", "",
		"`ADDRESS` of this machine for the load (default: the one on the route to the server)")
	s.StringVar(&f.token, "token", "", "token that the server printed")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "do not print the progress")
	cmd.AddCommand(sideCommand())
	return cmd
}

func (f *networkFlags) run(ctx context.Context) error {
	if err := f.complete(); err != nil {
		return err
	}
	programs, err := f.programs()
	if err != nil {
		return err
	}
	switch {
	case f.server != "" && f.client != "":
		return fmt.Errorf("%w: --server and --client cannot be combined", mctr.ErrInvalid)
	case f.server != "":
		return f.serve(ctx, programs)
	case f.client != "":
		return f.withServer(ctx, programs)
	}
	return f.onThisMachine(ctx, programs)
}

func (f *networkFlags) complete() (err error) {
	o := &f.options
	if o.Rounds < 1 || o.Conns < 1 || o.Conns > 10000 || o.Attach < 0 || o.Duration < 10*time.Millisecond ||
		o.Duration > time.Minute {
		return fmt.Errorf("%w: want at least one round, 1 to 10000 connections, and a duration of 10ms to 1m",
			mctr.ErrInvalid)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mctr-bench network must be run by root", mctr.ErrUnsupported)
	}
	o.Progress = func(text string) {
		if !f.quiet {
			fmt.Fprintln(os.Stderr, text)
		}
	}
	o.Cases, err = network.Choose(f.cases)
	return err
}

// programs returns the paths of the programs. It fails if one is missing, except for those of Calico.
func (f *networkFlags) programs() (p network.Programs, err error) {
	if p.Bench, err = os.Executable(); err != nil {
		return p, err
	}
	if p.Bin, err = filepath.Abs(cmp.Or(f.bin, filepath.Dir(p.Bench))); err != nil {
		return p, err
	}
	for _, program := range []string{"mctr-shim", "mctr-helper", "cni/bridge"} {
		if _, err := os.Stat(filepath.Join(p.Bin, program)); err != nil {
			return p, fmt.Errorf("%w (make build creates it; --bin names its directory)", err)
		}
	}
	p.Calico = cmp.Or(f.calico, filepath.Join(p.Bin, "calico"))
	if _, err := os.Stat(filepath.Join(p.Calico, "calico-node")); err != nil {
		if f.calico != "" {
			return p, err
		}
		p.Calico = ""
	}
	return p, nil
}

// onThisMachine measures with both hosts on this machine.
func (f *networkFlags) onThisMachine(ctx context.Context, p network.Programs) error {
	m, err := network.NewMachine(ctx, p)
	if err != nil {
		return err
	}
	r, err := m.Run(ctx, f.options)
	return errors.Join(err, m.Close(), f.report(r, err))
}

// withServer measures between this machine and a server.
func (f *networkFlags) withServer(ctx context.Context, p network.Programs) error {
	peer, err := netip.ParseAddrPort(f.client)
	if err != nil {
		return fmt.Errorf("%w: --client %s: want ADDRESS:PORT", mctr.ErrInvalid, f.client)
	}
	self, err := f.self(peer)
	if err != nil {
		return err
	}
	p.Calico = ""
	side, err := network.NewSide(ctx, p, self, peer.Addr())
	if err != nil {
		return err
	}
	r, err := network.Against(ctx, side, f.client, f.token, f.options)
	return errors.Join(err, side.Close(context.WithoutCancel(ctx)), f.report(r, err))
}

// self returns the address of this machine that peer can reach.
func (f *networkFlags) self(peer netip.AddrPort) (netip.Addr, error) {
	if f.address != "" {
		return netip.ParseAddr(f.address)
	}
	probe, err := net.Dial("udp", peer.String()) // sends nothing
	if err != nil {
		return netip.Addr{}, err
	}
	defer probe.Close()
	at, err := netip.ParseAddrPort(probe.LocalAddr().String())
	return at.Addr(), err
}

// serve runs the server on the first machine.
func (f *networkFlags) serve(ctx context.Context, p network.Programs) error {
	at, err := netip.ParseAddrPort(f.server)
	if err != nil || at.Addr().IsUnspecified() {
		return fmt.Errorf("%w: --server %s: want an ADDRESS:PORT of this machine", mctr.ErrInvalid, f.server)
	}
	l, err := net.Listen("tcp", f.server)
	if err != nil {
		return err
	}
	if f.token == "" {
		f.token = rand.Text()
	}
	fmt.Printf("on the other machine: mctr-bench network --client %s --token %s\n", f.server, f.token)
	p.Calico = ""
	return network.ServeFirst(ctx, l, f.token, p, at.Addr())
}

// report prints the results, and writes the files of --html, --svg and --json.
func (f *networkFlags) report(r *network.Report, failed error) error {
	if failed != nil {
		return nil // there are no results
	}
	var errs []error
	if f.html != "" {
		errs = append(errs, write(f.html, func(w *os.File) error { return r.Page(w) }))
	}
	if f.svg != "" {
		errs = append(errs, write(f.svg, func(w *os.File) error {
			data, err := r.Picture("rrN tps", "Transactions per second over many connections (more is better)")
			return errors.Join(err, second(w.Write(data)))
		}))
	}
	if f.json != "" {
		errs = append(errs, write(f.json, func(w *os.File) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "\t")
			return e.Encode(r)
		}))
	}
	if f.json != "-" {
		errs = append(errs, r.Print(os.Stdout))
	}
	return errors.Join(errs...)
}

func second(_ int, err error) error { return err }

func write(path string, do func(*os.File) error) error {
	if path == "-" {
		return do(os.Stdout)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(do(file), file.Close())
}

// sideCommand returns the command that plays one of two hosts on one machine.
func sideCommand() *cobra.Command {
	var socket, self, peer string
	p := network.Programs{}
	cmd := &cobra.Command{
		Use: "side", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addresses := strings.Fields(self + " " + peer)
			if len(addresses) != 2 {
				return fmt.Errorf("%w: want --self and --peer", mctr.ErrInvalid)
			}
			var err error
			if p.Bench, err = os.Executable(); err != nil {
				return err
			}
			return network.ServeSide(cmd.Context(), socket, p, netip.MustParseAddr(self), netip.MustParseAddr(peer))
		},
	}
	s := cmd.Flags()
	s.StringVar(&socket, "socket", "", "")
	s.StringVar(&self, "self", "", "")
	s.StringVar(&peer, "peer", "", "")
	s.StringVar(&p.Bin, "bin", "", "")
	s.StringVar(&p.Calico, "calico", "", "")
	return cmd
}
