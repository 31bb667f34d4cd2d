// Package spec makes OCI runtime specs (config.md of the runtime-spec): the base that no isolator
// decides, the adjustments of isolators merged into it, and the process of an exec. It works on data:
// it creates nothing on disk or in the kernel.
package spec

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// A Merger adds adjustments to a spec. Single values are claimed: the Merger remembers which isolator
// set them, and a second claim is an error that names both isolators.
type Merger struct {
	Ports []mctr.Port // host ports that lead to the container
	Watch bool        // an isolator must watch the container

	SecretEnv []string // NAME=VALUE; not in the spec

	spec    *specs.Spec
	volumes []specs.Mount
	groups  []uint32
	owners  map[string]string // path in the spec to isolator
}

// NewMerger returns a merger that adds to base.
func NewMerger(base *specs.Spec) *Merger {
	return &Merger{spec: base, owners: map[string]string{}}
}

// Add merges the adjustment of one isolator. The error wraps mctr.ErrInvalid for a value
// that another isolator has set.
func (m *Merger) Add(isolator string, a *mctr.Adjustment) error {
	if a == nil {
		return nil
	}
	m.volumes = append(m.volumes, a.Volumes...)
	m.Ports = append(m.Ports, a.Ports...)
	m.Watch = m.Watch || a.Watch
	m.SecretEnv = append(m.SecretEnv, a.SecretEnv...)
	m.groups = append(m.groups, a.Groups...)
	return m.merge(isolator, "", reflect.ValueOf(m.spec).Elem(), reflect.ValueOf(&a.Spec).Elem())
}

// whole are the objects and lists that make sense only together, so that one isolator claims the
// whole value.
var whole = map[string]bool{
	"process.args": true, "process.user": true, "process.capabilities": true, "process.consoleSize": true,
	"root": true, "linux.seccomp": true, "linux.resources.pids": true,
}

func (m *Merger) merge(by, path string, to, from reflect.Value) error {
	if from.IsZero() {
		return nil
	}
	if whole[path] {
		return m.claim(by, path, to, from)
	}
	switch from.Kind() {
	case reflect.Struct:
		return m.mergeFields(by, path, to, from)
	case reflect.Pointer:
		return m.mergePointer(by, path, to, from)
	case reflect.Slice:
		return m.mergeList(by, path, to, from)
	case reflect.Map:
		return m.mergeMap(by, path, to, from)
	default:
		return m.claim(by, path, to, from)
	}
}

func (m *Merger) mergeFields(by, path string, to, from reflect.Value) error {
	for i := range from.NumField() {
		name, _, _ := strings.Cut(from.Type().Field(i).Tag.Get("json"), ",")
		if err := m.merge(by, strings.TrimPrefix(path+"."+name, "."), to.Field(i), from.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Merger) mergePointer(by, path string, to, from reflect.Value) error {
	if from.Elem().Kind() != reflect.Struct {
		return m.claim(by, path, to, from)
	}
	if to.IsNil() {
		to.Set(reflect.New(to.Type().Elem()))
	}
	return m.merge(by, path, to.Elem(), from.Elem())
}

func (m *Merger) mergeList(by, path string, to, from reflect.Value) error {
	for i := range from.Len() {
		if key := keyOf(path, from.Index(i).Interface()); key != "" {
			if err := m.own(by, path+"["+key+"]"); err != nil {
				return err
			}
		}
	}
	to.Set(reflect.AppendSlice(to, from))
	return nil
}

func (m *Merger) mergeMap(by, path string, to, from reflect.Value) error {
	if to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for key, value := range from.Seq2() {
		if err := m.own(by, fmt.Sprintf("%s[%v]", path, key)); err != nil {
			return err
		}
		to.SetMapIndex(key, value)
	}
	return nil
}

// keyOf returns the key of an element that may be in its list only once.
func keyOf(path string, element any) string {
	switch e := element.(type) {
	case specs.LinuxNamespace:
		return string(e.Type)
	case specs.POSIXRlimit:
		return e.Type
	case specs.LinuxDevice:
		return e.Path
	case string:
		if path == "process.env" {
			return nameOf(e)
		}
	}
	return ""
}

func (m *Merger) claim(by, path string, to, from reflect.Value) error {
	if err := m.own(by, path); err != nil {
		return err
	}
	to.Set(from)
	return nil
}

func (m *Merger) own(by, path string) error {
	if first, taken := m.owners[path]; taken {
		return fmt.Errorf("%w: %s: set by %s and by %s", mctr.ErrInvalid, path, first, by)
	}
	m.owners[path] = by
	return nil
}

// Resources returns the resources merged so far.
func (m *Merger) Resources() *specs.LinuxResources { return m.spec.Linux.Resources }

// Finish returns the merged spec. The user's environment overrides that of the isolators, and lacks the
// variables of SecretEnv. All mounts are ordered by their path, so that none hides what is mounted below
// it; the user's mounts replace others with the same destination.
func (m *Merger) Finish(env []string) *specs.Spec {
	m.spec.Process.Env = slices.DeleteFunc(override(m.spec.Process.Env, env), func(variable string) bool {
		return slices.ContainsFunc(m.SecretEnv, func(secret string) bool { return nameOf(secret) == nameOf(variable) })
	})
	for _, g := range m.groups {
		if user := &m.spec.Process.User; g != user.GID && !slices.Contains(user.AdditionalGids, g) {
			user.AdditionalGids = append(user.AdditionalGids, g)
		}
	}
	mounts := slices.DeleteFunc(m.spec.Mounts, func(base specs.Mount) bool {
		return slices.ContainsFunc(m.volumes, func(v specs.Mount) bool { return samePlace(v, base) }) ||
			!m.placeFor(base)
	})
	m.spec.Mounts = append(mounts, m.volumes...)
	slices.SortStableFunc(m.spec.Mounts, func(a, b specs.Mount) int { return cmp.Compare(depth(a), depth(b)) })
	return m.spec
}

func samePlace(a, b specs.Mount) bool { return path.Clean(a.Destination) == path.Clean(b.Destination) }

func depth(m specs.Mount) int { return strings.Count(path.Clean(m.Destination), "/") }

// placeFor returns true unless a mount of an isolator lies in a volume of the user that is read-only,
// where no mount point can be made.
func (m *Merger) placeFor(base specs.Mount) bool {
	var above *specs.Mount
	for i, v := range m.volumes {
		if within(base, v) && (above == nil || depth(v) > depth(*above)) {
			above = &m.volumes[i]
		}
	}
	if above == nil || above.Type != "bind" ||
		!slices.ContainsFunc(above.Options, func(o string) bool { return o == "ro" || o == "rro" }) {
		return true
	}
	_, err := os.Lstat(
		path.Join(above.Source, strings.TrimPrefix(path.Clean(base.Destination), path.Clean(above.Destination))))
	return err == nil
}

// within returns true if a lies below b.
func within(a, b specs.Mount) bool {
	return strings.HasPrefix(path.Clean(a.Destination), strings.TrimSuffix(path.Clean(b.Destination), "/")+"/")
}

// override returns env with the variables in by, which replace variables of the same name.
func override(env, by []string) []string {
	at := map[string]int{}
	var out []string
	for _, variable := range slices.Concat(env, by) {
		name := nameOf(variable)
		if i, seen := at[name]; seen {
			out[i] = variable
			continue
		}
		at[name] = len(out)
		out = append(out, variable)
	}
	return out
}

// nameOf returns NAME of NAME=VALUE.
func nameOf(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}
