package cephfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/helper"
)

// A Config sets up Mounts.
type Config struct {
	State  string         // the mounts are below STATE/cephfs
	Helper *helper.Runner // does what may hang

	// MountTime is how long a mount may take; 0: 10 s.
	MountTime time.Duration
	// FlushTime is how long ceph-fuse may write what it has cached, after the unmount; 0: 10 s.
	FlushTime time.Duration
	// NoKernel has ceph-fuse mount although the kernel has a client.
	NoKernel bool
}

const (
	defaultMountTime = 10 * time.Second
	defaultFlushTime = 10 * time.Second
	// probeTime is how long a healthy mount may take to answer.
	probeTime = 2 * time.Second
	// gentleTime is how long umount(2) may wait for the cluster before it is forced.
	gentleTime = 5 * time.Second
	// forceTime bounds each step of a forced unmount; no step waits for the cluster.
	forceTime = time.Second
	// evictTime is how long the eviction of a dead client may take, which is not vital.
	evictTime = 5 * time.Second
	// lockTime is how long another process may work on mounts of the same Spec.
	lockTime = 15 * time.Second
)

// Mounts are the mounts of one STATE. The methods are safe for concurrent use, also by several
// processes.
type Mounts struct{ config Config }

// New returns the mounts below c.State. It creates nothing.
func New(c Config) *Mounts {
	if c.MountTime == 0 {
		c.MountTime = defaultMountTime
	}
	if c.FlushTime == 0 {
		c.FlushTime = defaultFlushTime
	}
	return &Mounts{config: c}
}

func (m *Mounts) path(name string) string { return filepath.Join(m.config.State, "cephfs", name) }

// lock locks the mounts of the Specs with this hash.
func (m *Mounts) lock(ctx context.Context, hash string) (*flock.Lock, error) {
	if err := dirs.MakeAll(m.path(""), 0o711); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, lockTime,
		errors.New("another process mounts or unmounts it, and has not ended"))
	defer cancel()
	return flock.Exclusive(bounded, m.path(hash+".lock"))
}

// names returns the names of all mounts, those of one Spec from the oldest to the newest.
func (m *Mounts) names() (names []string, err error) {
	entries, err := os.ReadDir(m.path(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list mounts of cephfs: %w", err)
	}
	for _, e := range entries {
		if _, _, ok := parseName(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, compareNames)
	return names, nil
}

func parseName(name string) (hash string, generation int, ok bool) {
	hash, number, found := strings.Cut(name, "-")
	generation, err := strconv.Atoi(number)
	return hash, generation, found && err == nil
}

func compareNames(a, b string) int {
	hashA, generationA, _ := parseName(a)
	hashB, generationB, _ := parseName(b)
	if hashA != hashB {
		return strings.Compare(hashA, hashB)
	}
	return generationA - generationB
}

// of returns the mounts with this hash, from the oldest to the newest. The caller holds the lock.
func (m *Mounts) of(hash string) (list []*mount, err error) {
	names, err := m.names()
	for _, name := range names {
		if h, _, _ := parseName(name); h == hash {
			list = append(list, m.load(name))
		}
	}
	return list, err
}
