// Command client lets an mctr-agent run a command in a container, and prints the command's output.
// The agent may be on another host:
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
	// A tcp address also needs a Token, or TLS with a certificate of the client.
	c, err := client.New(client.Options{Address: *address})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	end, err := run(context.Background(), c, flag.Args())
	if errors.Is(err, mctr.ErrUnavailable) {
		log.Fatal("is an agent running at this address? ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(end.Reason, end.ExitCode)
}

// run uses the interface agent.API. Both the client of an agent and, through agent.NewLocal, this
// process' own containerizer implement it, so run works with either.
func run(ctx context.Context, host agent.API, args []string) (end *mctr.Termination, err error) {
	id := mctr.NewID()
	config := &mctr.ContainerConfig{
		Process: mctr.Process{Args: args},
		Labels:  map[string]string{"example": "client"},
	}
	if _, err := host.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
		return nil, err
	}
	// The agent watches the container, even if this process is killed.
	defer func() { err = errors.Join(err, host.Remove(ctx, id, true)) }()

	// Follow reads until the container has exited and the log has ended.
	err = host.Logs(ctx, id, logs.ReadOptions{Follow: true, Tail: -1}, func(e logs.Entry) error {
		_, err := fmt.Fprintf(os.Stdout, "%s\n", e.Text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return host.Wait(ctx, id)
}
