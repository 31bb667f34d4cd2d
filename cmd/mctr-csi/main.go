// Command mctr-csi does one CSI request for mctr and exits: the request is JSON on its stdin, the answer
// JSON on its stdout (packages csi and lifecycle). It is the program that links gRPC.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mctr/mctr/csi/lifecycle"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := lifecycle.Serve(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mctr-csi: mctr starts this program:", err)
		os.Exit(1)
	}
}
