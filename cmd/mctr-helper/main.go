// Command mctr-helper does one job for mctr and ends: an operation that may
// hang (package helper), or as "mctr-helper init -- COMMAND" the reaping init
// of a container that was asked for with --init, as "mctr-helper pause" that of a group.
package main

import (
	"fmt"
	"os"

	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/reaper"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "init" && os.Args[2] == "--" {
		os.Exit(reaper.Run(os.Args[3:]))
	}
	if len(os.Args) == 2 && os.Args[1] == "pause" {
		os.Exit(reaper.Pause())
	}
	conn := os.NewFile(helper.FD, "job")
	if err := helper.Serve(conn); err != nil {
		fmt.Fprintln(os.Stderr, "mctr-helper: mctr starts this program:", err)
		os.Exit(1)
	}
}
