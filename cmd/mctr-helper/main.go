// Command mctr-helper does one job for mctr and exits. The job is an operation that may hang (package
// helper). "mctr-helper init -- COMMAND" is the init of a container with --init, and "mctr-helper
// pause" the init of a group.
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
