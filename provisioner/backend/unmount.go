package backend

import "github.com/mctr/mctr/internal/treemount"

// Unmount takes away all that is mounted at target, however often; nothing
// there, or no target, is no error. What is still in use is detached: it goes
// when its last user does.
func Unmount(target string) error { return treemount.Clear(target, 0) }
