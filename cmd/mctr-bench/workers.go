package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/benchmarks/network/load"
	"github.com/mctr/mctr/benchmarks/network/tunnel"
)

// loadCommand is what makes traffic, in a container or not.
func loadCommand() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use: "load", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return load.Loader(cmd.Context(), socket) },
	}
	cmd.Flags().StringVar(&socket, "socket", "", "where tasks are taken")
	return cmd
}

// tunnelCommand is one end of an overlay in a process.
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
	s.StringVar(&t.Device, "device", "", "the interface")
	s.StringVar(&t.Local, "local", "", "this end's address and port")
	s.StringVar(&t.Peer, "peer", "", "the other's")
	s.StringVar(&key, "key", "", "16, 24 or 32 characters")
	return cmd
}
