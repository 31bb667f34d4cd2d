package provisioner

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/mctr/mctr/internal/proc"
)

// A lease's holder is a container's id, an id with "@" and what the lease is for behind
// it, or a process: the forms below tell them apart, since no id has an "@".
const ofProcess = "process@@"

// ProcessHolder is a holder of this process' own, which ends with it: for work on an
// image that belongs to no container.
func ProcessHolder() (string, error) {
	began, err := proc.StartTime(os.Getpid())
	if err != nil {
		return "", fmt.Errorf("name a lease: %w", err)
	}
	return fmt.Sprintf("%s%d.%d.%s", ofProcess, os.Getpid(), began, rand.Text()), nil
}

// HolderContainer is the id of the container that holder is of, "" for a process.
func HolderContainer(holder string) string {
	if strings.HasPrefix(holder, ofProcess) {
		return ""
	}
	id, _, _ := strings.Cut(holder, "@")
	return id
}

// HolderLives reports whether the process that holder is of is still there. A container's
// holder is of no process.
func HolderLives(holder string) bool {
	var pid int
	var began uint64
	rest, _ := strings.CutPrefix(holder, ofProcess)
	if n, err := fmt.Sscanf(rest, "%d.%d.", &pid, &began); n != 2 || err != nil {
		return false
	}
	return proc.Is(pid, began)
}

// Release drops holder's lease; one that is not there is no error. What nothing
// else needs stays in the store until Remove or Prune.
func (p *Provisioner) Release(holder string) error { return p.store.Release(holder) }

// ReleaseAll is Release of every lease of a container: holder itself, and with "@" and
// anything behind it.
func (p *Provisioner) ReleaseAll(holder string) error { return p.store.ReleaseAll(holder) }

// Leases returns what each holder uses, for an agent to find holders that no
// container of its is.
func (p *Provisioner) Leases() (map[string]*Image, error) { return p.store.Leases() }
