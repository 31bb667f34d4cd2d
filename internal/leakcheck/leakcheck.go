// Package leakcheck compares a host before and after a test: mounts, control groups, pinned network
// namespaces, links, firewall rules, loop devices, children and open files. It compares whole sets,
// so that it also finds leaks that the test's author did not expect, and objects of others that the
// test removed.
//
// It changes nothing. It reads firewall rules with nft and iptables-save, if they are installed.
package leakcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience limits the wait for objects that the kernel removes asynchronously: a lazy unmount, a
// dying control group, a network namespace.
const patience = 2 * time.Second

// A Scope selects the objects to compare. The zero value is the whole machine; a test that shares
// its machine names objects that can only be its own.
type Scope struct {
	// Names are parts of names: a mount, control group, namespace, link, rule or loop device counts
	// if its description contains one of them. The path of a directory selects all mounts below it.
	Names []string
	// Kinds limits the kinds to compare; empty: all.
	Kinds []Kind
}

// A Kind is a kind of object.
type Kind string

// The kinds. Process and File are objects of this process, whatever the scope.
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

// listers list the objects of each kind.
var listers = []struct {
	kind  Kind
	list  func() ([]string, error)
	own   bool // objects of this process, to which the scope's names do not apply
	grows bool // only new objects are leaks: the garbage collector may close files
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

// A Set holds the objects that existed at one moment.
type Set struct {
	t      testing.TB
	scope  Scope
	before map[Kind][]string
}

// Snapshot records the existing objects. Without a scope it covers the whole machine. The names and
// kinds of several scopes are combined: use a snapshot for each scope if names apply to one kind
// only.
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

// Check fails the test for each difference between the snapshot and the present.
func (s *Set) Check() {
	s.t.Helper()
	for _, leak := range s.Leaks() {
		s.t.Error("leak: ", leak)
	}
}

// Leaks describes each difference that persists for about 2 seconds.
func (s *Set) Leaks() []string {
	for pause, end := time.Millisecond, time.Now().Add(patience); ; pause = min(2*pause, 50*time.Millisecond) {
		leaks := s.compare()
		if len(leaks) == 0 || time.Now().After(end) {
			return leaks
		}
		time.Sleep(pause)
	}
}

// Held describes the new objects of the host, without those of this process, at this moment.
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

// missing returns the elements of have that want lacks; both are sorted, and duplicates count.
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
