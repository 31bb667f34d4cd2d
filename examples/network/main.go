// Command network makes a CNI network, runs a container in it with a port of the host, prints
// the container's address and port, and takes everything away again. An operator's networks,
// in /etc/cni/net.d, are used by their name in the same way and need not be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images, logs and records")
	state := flag.String("state", host.DefaultState, "directory of what ends with the boot")
	flag.Parse()
	if err := run(context.Background(), host.Config{Root: *root, State: *state}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, config host.Config) (err error) {
	h, err := host.Open(config)
	if err != nil {
		return err
	}
	defer h.Close()
	// The CNI plugins are looked for in cni beside this program, then where distributions have them.
	networks := h.Networks()
	// A Definition without subnets gets a free one. The bridge is made with the first container.
	if _, err := networks.Create(ctx, "example", cni.Definition{Driver: cni.Bridge}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, networks.Remove(ctx, "example")) }()

	c, err := h.Containers(ctx)
	if err != nil {
		return err
	}
	id := mctr.NewID()
	_, err = c.Launch(ctx, id, &mctr.ContainerConfig{
		Process:  mctr.Process{Args: []string{"sleep", "100"}},
		Networks: []mctr.NetworkConfig{{Name: "example"}},           // eth0; a second one would be eth1
		Ports:    []mctr.Port{{ContainerPort: 80, Protocol: "tcp"}}, // the host's port is picked
		DNS:      mctr.DNS{Servers: []string{"192.0.2.53"}},         // in its /etc/resolv.conf
	}, containerizer.LaunchOptions{})
	if err != nil {
		return err
	}
	// Remove with force ends the container and waits for the plugins' DEL.
	defer func() { err = errors.Join(err, c.Remove(ctx, id, true)) }()

	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	for _, network := range status.Networks {
		fmt.Println(network.Name, network.Interface, network.Addresses)
	}
	for _, port := range status.Ports {
		fmt.Println(port)
	}
	return nil
}
