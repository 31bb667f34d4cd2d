package main

import (
	"os"

	"github.com/mctr/mctr/internal/visible"
)

// stdout and stderr are for text of mctr's own in which others' may be: what an image's
// config, a registry's answer or a container's record says moves no cursor. The output
// of containers goes to os.Stdout and os.Stderr as it is.
var stdout, stderr = visible.Writer(os.Stdout), visible.Writer(os.Stderr)
