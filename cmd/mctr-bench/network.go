package main

import (
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

// networkFlags are the flags of network, as they were typed.
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
		Use: "network [flags]", Short: "Compare the ways of attaching containers to networks", Args: cobra.NoArgs,
		Long: `Compare what traffic costs by the ways in which containers are attached: direct,
host, bridge with ports, overlays, Calico. Each case runs beside a baseline, host
to host without containers, and is told as a ratio to it with its interval; what
cannot be told from noise is marked.

This machine plays both hosts, each a network namespace. With --server on one
machine and --client on another, these two are the hosts: containers, bridges and
firewall rules are then made on them, and removed at the end. Calico is for one
machine.`,
		Example: `  mctr-bench network
  mctr-bench network --rounds 10 --duration 1s --html network.html --json network.json
  mctr-bench network --case bridge --case vxlan
  host2# mctr-bench network --server 192.0.2.2:7707
  host1# mctr-bench network --client 192.0.2.2:7707 --address 192.0.2.1 --token TOKEN`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	s := cmd.Flags()
	s.IntVar(&f.options.Rounds, "rounds", 6, "turns of each case")
	s.DurationVar(&f.options.Duration, "duration", 500*time.Millisecond,
		"of one load, up to a minute; streams take whole seconds")
	s.IntVar(&f.options.Conns, "conns", 64, "connections of the load with many")
	s.IntVar(&f.options.Attach, "attach", 100, "how often each network is attached and detached; 0: not")
	s.StringArrayVar(&f.cases, "case", nil, "`NAME` of a case, or its beginning: "+network.Names()+" (default: all)")
	s.StringVar(&f.json, "json", "", "write everything to `FILE` (-: stdout, instead of the tables)")
	s.StringVar(&f.html, "html", "", "write a page with pictures to `FILE`")
	s.StringVar(&f.svg, "svg", "", "write the picture of throughput to `FILE`")
	s.StringVar(&f.bin, "bin", "", "`DIR` with mctr-shim, mctr-helper and cni (default: where mctr-bench is)")
	s.StringVar(&f.calico, "calico", "",
		"`DIR` with calico, calico-ipam, calicoctl and calico-node (default: calico beside mctr-bench)")
	s.StringVar(&f.server, "server", "", "be one of two machines, and serve at `ADDRESS:PORT`")
	s.StringVar(&f.client, "client", "", "be the other one, and measure against the server at `ADDRESS:PORT`")
	s.StringVar(&f.address, "address", "",
		"this machine's `ADDRESS` for the load (default: the one that leads to the other)")
	s.StringVar(&f.token, "token", "", "what the server printed")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
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
		return fmt.Errorf("%w: --server or --client, not both", mctr.ErrInvalid)
	case f.server != "":
		return f.serve(ctx, programs)
	case f.client != "":
		return f.against(ctx, programs)
	}
	return f.here(ctx, programs)
}

func (f *networkFlags) complete() (err error) {
	o := &f.options
	if o.Rounds < 1 || o.Conns < 1 || o.Conns > 10000 || o.Attach < 0 || o.Duration < 10*time.Millisecond ||
		o.Duration > time.Minute {
		return fmt.Errorf("%w: want a round or more, 1 to 10000 connections, and a duration of 10ms to 1m",
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

// programs finds what is needed, and says what is not there.
func (f *networkFlags) programs() (p network.Programs, err error) {
	if p.Bench, err = os.Executable(); err != nil {
		return p, err
	}
	if p.Bin = f.bin; p.Bin == "" {
		p.Bin = filepath.Dir(p.Bench)
	}
	if p.Bin, err = filepath.Abs(p.Bin); err != nil {
		return p, err
	}
	for _, program := range []string{"mctr-shim", "mctr-helper", "cni/bridge"} {
		if _, err := os.Stat(filepath.Join(p.Bin, program)); err != nil {
			return p, fmt.Errorf("%w (make build makes it; --bin says where)", err)
		}
	}
	if p.Calico = f.calico; p.Calico == "" {
		p.Calico = filepath.Join(p.Bin, "calico")
	}
	if _, err := os.Stat(filepath.Join(p.Calico, "calico-node")); err != nil {
		if f.calico != "" {
			return p, err
		}
		p.Calico = ""
	}
	return p, nil
}

// here plays both hosts on this machine.
func (f *networkFlags) here(ctx context.Context, p network.Programs) error {
	m, err := network.NewMachine(ctx, p)
	if err != nil {
		return err
	}
	r, err := m.Run(ctx, f.options)
	return errors.Join(err, m.Close(), f.tell(r, err))
}

// against measures from here to a server.
func (f *networkFlags) against(ctx context.Context, p network.Programs) error {
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
	return errors.Join(err, side.Close(context.WithoutCancel(ctx)), f.tell(r, err))
}

// self is this machine's address as the other sees it.
func (f *networkFlags) self(peer netip.AddrPort) (netip.Addr, error) {
	if f.address != "" {
		return netip.ParseAddr(f.address)
	}
	probe, err := net.Dial("udp", peer.String()) // nothing is sent
	if err != nil {
		return netip.Addr{}, err
	}
	defer probe.Close()
	at, err := netip.ParseAddrPort(probe.LocalAddr().String())
	return at.Addr(), err
}

// serve is the server's machine.
func (f *networkFlags) serve(ctx context.Context, p network.Programs) error {
	at, err := netip.ParseAddrPort(f.server)
	if err != nil || at.Addr().IsUnspecified() {
		return fmt.Errorf("%w: --server %s: want this machine's ADDRESS:PORT", mctr.ErrInvalid, f.server)
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

// tell prints what was measured, and writes the files that were asked for.
func (f *networkFlags) tell(r *network.Report, failed error) error {
	if failed != nil {
		return nil // there is nothing to tell
	}
	var errs []error
	if f.html != "" {
		errs = append(errs, f.write(f.html, func(w *os.File) error { return r.Page(w) }))
	}
	if f.svg != "" {
		errs = append(errs, f.write(f.svg, func(w *os.File) error {
			data, err := r.Picture("rrN tps", "Transactions per second over many connections (more is better)")
			return errors.Join(err, second(w.Write(data)))
		}))
	}
	if f.json != "" {
		errs = append(errs, f.write(f.json, func(w *os.File) error {
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

func (f *networkFlags) write(path string, do func(*os.File) error) error {
	if path == "-" {
		return do(os.Stdout)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(do(file), file.Close())
}

// sideCommand is one of two hosts on one machine.
func sideCommand() *cobra.Command {
	var socket, self, peer string
	p := network.Programs{}
	cmd := &cobra.Command{
		Use: "side", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addresses := strings.Fields(self + " " + peer)
			if len(addresses) != 2 {
				return fmt.Errorf("%w: --self and --peer", mctr.ErrInvalid)
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
