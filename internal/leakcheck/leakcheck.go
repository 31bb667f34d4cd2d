// Package leakcheck compares what is on a host before and after a test: mounts,
// control groups, pinned network namespaces, links, firewall rules, loop
// devices, children and open files. It compares whole sets, so that it also
// finds what a test did not think of, and what a test took away from others.
//
// It only looks. Firewall rules are read with nft and iptables-save, where they are.
package leakcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience bounds the wait for what the kernel removes in its own time: a lazy
// unmount, a dying control group, a network namespace.
const patience = 2 * time.Second

// A Scope says what counts. The zero value is the whole machine; a test that
// shares its machine names what can only be its own.
type Scope struct {
	// Names are parts of names: a mount, control group, namespace, link, rule or
	// loop device counts if a name is in its description. A directory's path
	// stands for all that is mounted below it.
	Names []string
	// Kinds limits the kinds that are looked at; empty is all.
	Kinds []Kind
}

// A Kind is one sort of object.
type Kind string

// The kinds. Children and Files are this process' own, whatever the scope.
const (
	Mount   Kind = "mount"
	Cgroup  Kind = "cgroup"
	Netns   Kind = "netns"
	Link    Kind = "link"
	Rule    Kind = "rule"
	Loop    Kind = "loop"
	Process Kind = "process"
	File    Kind = "file"
)

// listers look at the objects of one kind.
var listers = []struct {
	kind  Kind
	list  func() ([]string, error)
	own   bool // of this process: the scope's names say nothing of it
	grows bool // only what came is a leak: files may be closed by the collector
}{
	{kind: Mount, list: mounts},
	{kind: Cgroup, list: cgroups},
	{kind: Netns, list: namespaces},
	{kind: Link, list: links},
	{kind: Rule, list: rules},
	{kind: Loop, list: loops},
	{kind: Process, list: children, own: true, grows: true},
	{kind: File, list: files, own: true, grows: true},
}

// A Set is what there was at one moment.
type Set struct {
	t      testing.TB
	scope  Scope
	before map[Kind][]string
}

// Snapshot remembers what there is. Without a scope it is the whole machine; of
// several, names and kinds add up: take one each where names are of one kind alone.
func Snapshot(t testing.TB, scopes ...Scope) *Set {
	t.Helper()
	s, err := Take(scopes...)
	if err != nil {
		t.Fatal("look for leaks: ", err)
	}
	s.t = t
	return s
}

// Take is Snapshot without a test, for [Set.Leaks].
func Take(scopes ...Scope) (*Set, error) {
	s := &Set{}
	for _, scope := range scopes {
		s.scope.Names = append(s.scope.Names, scope.Names...)
		s.scope.Kinds = append(s.scope.Kinds, scope.Kinds...)
	}
	var err error
	s.before, err = s.now()
	return s, err
}

// Check fails the test for each difference between the snapshot and now.
func (s *Set) Check() {
	s.t.Helper()
	for _, leak := range s.Leaks() {
		s.t.Error("leak: ", leak)
	}
}

// Leaks describes each difference that stays for some 2 seconds.
func (s *Set) Leaks() []string {
	for pause, end := time.Millisecond, time.Now().Add(patience); ; pause = min(2*pause, 50*time.Millisecond) {
		leaks := s.compare()
		if len(leaks) == 0 || time.Now().After(end) {
			return leaks
		}
		time.Sleep(pause)
	}
}

// Held describes what came since, of the kinds that are the host's and not this process'
// own, at this moment.
func (s *Set) Held() (held []string, err error) {
	now, err := s.now()
	for _, l := range listers {
		if l.own {
			continue
		}
		for _, object := range missing(now[l.kind], s.before[l.kind]) {
			held = append(held, fmt.Sprintf("%s: %s", l.kind, object))
		}
	}
	return held, err
}

func (s *Set) compare() (leaks []string) {
	now, err := s.now()
	if err != nil {
		return []string{err.Error()}
	}
	for _, l := range listers {
		for _, object := range missing(now[l.kind], s.before[l.kind]) {
			leaks = append(leaks, fmt.Sprintf("%s left behind: %s", l.kind, object))
		}
		if l.grows {
			continue
		}
		for _, object := range missing(s.before[l.kind], now[l.kind]) {
			leaks = append(leaks, fmt.Sprintf("%s taken away: %s", l.kind, object))
		}
	}
	return leaks
}

func (s *Set) now() (map[Kind][]string, error) {
	sets := map[Kind][]string{}
	for _, l := range listers {
		if len(s.scope.Kinds) > 0 && !slices.Contains(s.scope.Kinds, l.kind) {
			continue
		}
		objects, err := l.list()
		if err != nil {
			return nil, fmt.Errorf("list %ss: %w", l.kind, err)
		}
		if !l.own {
			objects = slices.DeleteFunc(objects, func(o string) bool { return !s.scope.names(o) })
		}
		slices.Sort(objects)
		sets[l.kind] = objects
	}
	return sets, nil
}

func (s Scope) names(object string) bool {
	return len(s.Names) == 0 ||
		slices.ContainsFunc(s.Names, func(name string) bool { return strings.Contains(object, name) })
}

// missing are the elements of have that want lacks, both sorted; one that is
// there twice must be there twice.
func missing(have, want []string) (out []string) {
	for _, h := range have {
		for len(want) > 0 && cmp.Less(want[0], h) {
			want = want[1:]
		}
		if len(want) > 0 && want[0] == h {
			want = want[1:]
			continue
		}
		out = append(out, h)
	}
	return out
}
