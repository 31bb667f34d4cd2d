// Command network makes a CNI network, runs a container in it with a port of the host, prints the
// container's address and port, and removes everything again. An operator's networks in
// /etc/cni/net.d are used by their names in the same way, and need not be made.
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
	state := flag.String("state", host.DefaultState, "directory of files that end with the boot")
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
	// CNI plugins are searched in the directory cni beside this program, then in those of distributions.
	networks := h.Networks()
	// A Definition without subnets gets a free subnet. The bridge is made with the network.
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
		Networks: []mctr.NetworkConfig{{Name: "example"}},           // eth0; a second network would be eth1
		Ports:    []mctr.Port{{ContainerPort: 80, Protocol: "tcp"}}, // mctr picks the host's port
		DNS:      mctr.DNS{Servers: []string{"192.0.2.53"}},         // in the container's /etc/resolv.conf
	}, containerizer.LaunchOptions{})
	if err != nil {
		return err
	}
	// Remove with force ends the container and waits for the DEL of its plugins.
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
