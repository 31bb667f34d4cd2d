package provisioner

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/mctr/mctr/internal/proc"
)

// The holder of a lease is a container's id, an id followed by "@" and the purpose of
// the lease, or a process. The prefix tells a process from an id, which has no "@".
const ofProcess = "process@@"

// ProcessHolder returns a holder that stands for this process and is void once the
// process exits: for work on an image that belongs to no container.
func ProcessHolder() (string, error) {
	began, err := proc.StartTime(os.Getpid())
	if err != nil {
		return "", fmt.Errorf("name a lease: %w", err)
	}
	return fmt.Sprintf("%s%d.%d.%s", ofProcess, os.Getpid(), began, rand.Text()), nil
}

// HolderContainer returns the id of the container that holder stands for, "" for a process.
func HolderContainer(holder string) string {
	if strings.HasPrefix(holder, ofProcess) {
		return ""
	}
	id, _, _ := strings.Cut(holder, "@")
	return id
}

// HolderLives returns true if holder stands for a process that is alive. It returns
// false for a container's holder.
func HolderLives(holder string) bool {
	var pid int
	var began uint64
	rest, _ := strings.CutPrefix(holder, ofProcess)
	if n, err := fmt.Sscanf(rest, "%d.%d.", &pid, &began); n != 2 || err != nil {
		return false
	}
	return proc.Is(pid, began)
}

// Release drops holder's lease, if there is one. Blobs and layers that nothing else
// needs stay in the store until Remove or Prune.
func (p *Provisioner) Release(holder string) error { return p.store.Release(holder) }

// ReleaseAll drops every lease of a container: those of holder itself, and those of
// holder followed by "@" and a purpose.
func (p *Provisioner) ReleaseAll(holder string) error { return p.store.ReleaseAll(holder) }

// Leases returns the image that each holder uses. An agent compares it with its
// containers, to find holders that no longer exist.
func (p *Provisioner) Leases() (map[string]*Image, error) { return p.store.Leases() }
