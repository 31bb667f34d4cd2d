package usage

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idle is how long the files of a group stay open without a reading: an open file keeps a
	// container's network namespace, or its removed control group, alive in the kernel.
	idle       = time.Minute
	sweepEvery = 10 * time.Second
)

// A Meter reads usage. Its methods are safe for concurrent use. A nil Meter keeps no files open.
type Meter struct {
	mu      sync.Mutex
	groups  map[string]*openFiles
	below   int // descriptors from this number on are not kept open; the kernel allots the lowest free one
	sweeper *time.Timer
	pool    sync.Pool // holds *files for their buffers
}

// NewMeter returns a meter that leaves a quarter of this process's descriptors (RLIMIT_NOFILE,
// getrlimit(2)) to others.
func NewMeter() *Meter {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil // not reached: the arguments are valid
	}
	return newMeter(int(min(limit.Cur, 1<<30) / 4 * 3))
}

func newMeter(below int) *Meter { return &Meter{groups: map[string]*openFiles{}, below: below} }

// of returns the open files of group.
func (m *Meter) of(group string) *openFiles {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.groups[group]
	if k == nil {
		k = &openFiles{meter: m, files: map[key]int{}}
		m.groups[group] = k
	}
	k.asked = time.Now()
	if m.sweeper == nil {
		m.sweeper = time.AfterFunc(sweepEvery, m.sweep)
	}
	return k
}

// Drop closes the open files of group.
func (m *Meter) Drop(group string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	k := m.groups[group]
	delete(m.groups, group)
	m.mu.Unlock()
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.close()
	k.files = nil
}

// sweep drops groups that are idle or were removed, and runs again while files are open.
func (m *Meter) sweep() {
	m.mu.Lock()
	groups, unused := maps.Clone(m.groups), map[string]bool{}
	for group, k := range groups {
		unused[group] = time.Since(k.asked) > idle
	}
	m.mu.Unlock()
	for group, k := range groups {
		if unused[group] || k.gone() {
			m.Drop(group)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeper = nil
	if len(m.groups) > 0 {
		m.sweeper = time.AfterFunc(sweepEvery, m.sweep)
	}
}
