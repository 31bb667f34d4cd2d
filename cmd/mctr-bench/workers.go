package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/benchmarks/network/load"
	"github.com/mctr/mctr/benchmarks/network/tunnel"
)

// loadCommand returns the command that generates traffic, in a container or on the host.
func loadCommand() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use: "load", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return load.Loader(cmd.Context(), socket) },
	}
	cmd.Flags().StringVar(&socket, "socket", "", "socket to receive tasks from")
	return cmd
}

// tunnelCommand returns the command that is one end of a userspace overlay.
func tunnelCommand() *cobra.Command {
	t := &tunnel.Tunnel{MTU: 1500}
	var key string
	cmd := &cobra.Command{
		Use: "tunnel", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key != "" {
				t.Key = []byte(key)
			}
			return t.Run(cmd.Context(), func() error { return second(fmt.Println("ready")) })
		},
	}
	s := cmd.Flags()
	s.StringVar(&t.Device, "device", "", "name of the interface")
	s.StringVar(&t.Local, "local", "", "address and port of this end")
	s.StringVar(&t.Peer, "peer", "", "address and port of the other end")
	s.StringVar(&key, "key", "", "encryption key of 16, 24 or 32 characters")
	return cmd
}
