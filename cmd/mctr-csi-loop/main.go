// Command mctr-csi-loop is a CSI plugin on loop devices for tests and measurements, which serves until
// SIGTERM or SIGINT (package loopdriver).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mctr/mctr/csi/loopdriver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := loopdriver.Main(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mctr-csi-loop:", err)
		os.Exit(1)
	}
}
