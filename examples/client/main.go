// Command client has an mctr-agent run a command in a container, and prints what the command
// wrote. The agent may be on another host:
//
//	client -agent unix:///run/mctr/agent.sock date
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/client"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/logs"
)

func main() {
	log.SetFlags(0)
	address := flag.String("agent", "unix:///run/mctr/agent.sock", "address: unix:///PATH or tcp://HOST:PORT")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("usage: client [flags] COMMAND [ARG...]")
	}
	// A tcp address takes a Token, or TLS with a certificate of the client's, too.
	c, err := client.New(client.Options{Address: *address})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	end, err := run(context.Background(), c, flag.Args())
	if errors.Is(err, mctr.ErrUnavailable) {
		log.Fatal("does an agent run there? ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(end.Reason, end.ExitCode)
}

// run is written for the interface agent.API, which both the client of an agent and, by
// agent.NewLocal, this process' own containerizer have: it runs against either.
func run(ctx context.Context, host agent.API, args []string) (end *mctr.Termination, err error) {
	id := mctr.NewID()
	config := &mctr.ContainerConfig{
		Process: mctr.Process{Args: args},
		Labels:  map[string]string{"example": "client"},
	}
	if _, err := host.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
		return nil, err
	}
	// The agent watches the container, whatever becomes of this process.
	defer func() { err = errors.Join(err, host.Remove(ctx, id, true)) }()

	// Follow goes on until the container has ended and everything is read.
	err = host.Logs(ctx, id, logs.ReadOptions{Follow: true, Tail: -1}, func(e logs.Entry) error {
		_, err := fmt.Fprintf(os.Stdout, "%s\n", e.Text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return host.Wait(ctx, id)
}
