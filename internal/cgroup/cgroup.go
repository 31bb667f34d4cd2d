// Package cgroup looks up, kills and removes control groups by name, on cgroup v1, hybrid and v2
// (cgroups(7)). The names are those of groups that the caller made. The package makes groups only
// in Join, Enter and Settle.
//
// On v1 a name stands for one directory in every hierarchy.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/dirs"
)

// Mountpoint is the directory where the hierarchies are mounted.
const Mountpoint = "/sys/fs/cgroup"

// Unified returns true if this host has only cgroup v2.
var Unified = sync.OnceValue(func() bool {
	var st unix.Statfs_t
	return unix.Statfs(Mountpoint, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
})

// Roots returns the root directories by controller. On v2 there is one, under the name "". On v1 a
// hierarchy of several controllers has an entry for each of them, and on a hybrid host the v2
// hierarchy is the entry "unified".
var Roots = sync.OnceValue(func() map[string]string {
	if Unified() {
		return map[string]string{"": Mountpoint}
	}
	roots := map[string]string{}
	entries, _ := os.ReadDir(Mountpoint)
	for _, e := range entries {
		dir := filepath.Join(Mountpoint, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			roots[e.Name()] = dir
		}
	}
	return roots
})

// Dir returns the directory with controller's files of the group called name, or "" if this host
// does not have the controller.
func Dir(controller, name string) string {
	if Unified() {
		controller = ""
	}
	root, ok := Roots()[controller]
	if !ok {
		return ""
	}
	return filepath.Join(root, name)
}

// Dirs returns all existing directories of the group, sorted.
func Dirs(name string) []string {
	var dirs []string
	for _, root := range Roots() {
		dir := filepath.Join(root, name)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dirs = append(dirs, real)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Pids returns the processes in the group and in the groups below it.
func Pids(name string) ([]int, error) {
	var pids []int
	for _, dir := range Dirs(name) {
		found, err := PidsIn(dir)
		if err != nil {
			return nil, err
		}
		pids = append(pids, found...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// PidsIn returns the processes in the group with the directory dir, and in the groups below it.
func PidsIn(dir string) (pids []int, err error) {
	err = walk(dir, func(group string) error {
		found, err := procs(group)
		pids = append(pids, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list processes of cgroup %s: %w", dir, err)
	}
	return pids, nil
}

func procs(dir string) ([]int, error) {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// walk calls visit for dir and the groups below it, deepest first.
func walk(dir string, visit func(group string) error) error {
	entries, err := os.ReadDir(dir)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := walk(filepath.Join(dir, e.Name()), visit); err != nil {
				return err
			}
		}
	}
	return visit(dir)
}

// Kill kills every process of the group and waits until none is left. After limit it returns an
// error that names the remaining processes. On v2 it uses cgroup.kill; on v1 it freezes the group
// first, so that no process escapes by a fork.
func Kill(name string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		pids, err := Pids(name)
		if err != nil || len(pids) == 0 {
			return err
		}
		kill(name, pids)
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of cgroup %s are still alive after SIGKILL", pids, name)
		}
		time.Sleep(pause)
	}
}

func kill(name string, pids []int) {
	if Unified() {
		if os.WriteFile(filepath.Join(Mountpoint, name, "cgroup.kill"), []byte("1"), 0) == nil {
			return
		}
	}
	freeze(name, "FROZEN")
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	freeze(name, "THAWED")
}

func freeze(name, state string) {
	dir := Dir("freezer", name)
	if dir == "" || Unified() {
		return
	}
	_ = walk(dir, func(group string) error {
		_ = os.WriteFile(filepath.Join(group, "freezer.state"), []byte(state), 0)
		return nil
	})
}

// Remove removes the group and the groups below it in every hierarchy. It continues after errors,
// and succeeds if the group does not exist.
func Remove(name string) error {
	var errs []error
	for _, dir := range Dirs(name) {
		errs = append(errs, walk(dir, remove))
	}
	return errors.Join(errs...)
}

// RemoveEmpty removes the group in every hierarchy in which it has no processes and no groups below
// it.
func RemoveEmpty(name string) error {
	var errs []error
	for _, dir := range Dirs(name) {
		err := unix.Rmdir(dir)
		if err != nil && !gone(err) && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) {
			errs = append(errs, &fs.PathError{Op: "rmdir", Path: dir, Err: err})
		}
	}
	return errors.Join(errs...)
}

// remove removes one directory. It retries for a moment because a dead process may still be
// counted.
func remove(dir string) error {
	var err error
	for pause := 50 * time.Microsecond; pause < 200*time.Millisecond; pause *= 2 {
		if err = unix.Rmdir(dir); err == nil || gone(err) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(pause)
	}
	return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
}

// Join moves pid into the group in the hierarchies of the given controllers, where it makes the
// group if it is missing. It succeeds if the process has already exited.
func Join(name string, pid int, controllers ...string) error {
	for _, controller := range controllers {
		dir := Dir(controller, name)
		if dir == "" {
			continue
		}
		if err := join(dir, pid); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		if Unified() {
			return nil
		}
	}
	return nil
}

func join(dir string, pid int) error {
	file, who := filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid))
	err := os.WriteFile(file, who, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := dirs.MakeAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, who, 0)
}

// Enter moves this process into a group of cgroup v2. It makes a missing group, but not its parent.
func Enter(name string) error {
	dir := filepath.Join(Mountpoint, name)
	if err := dirs.Make(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
}

// gone returns true if err means that the group was removed.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// Frozen returns true if the group itself, not one above it, was frozen.
func Frozen(name string) bool {
	file, frozen := filepath.Join(Mountpoint, name, "cgroup.freeze"), "1"
	if !Unified() {
		file, frozen = filepath.Join(Dir("freezer", name), "freezer.state"), "FROZEN"
	}
	data, err := os.ReadFile(file)
	return err == nil && strings.TrimSpace(string(data)) == frozen
}

// Has returns true if groups on this host have file of controller. Some files are missing in a root
// group, so Has also looks one level below. On v2, where possibly no group has the controller
// enabled yet, it is enough that the root offers the controller.
func Has(controller, file string) bool {
	root := Dir(controller, "")
	if root == "" {
		return false
	}
	if _, err := os.Lstat(filepath.Join(root, file)); err == nil {
		return true
	}
	if exists(filepath.Join(root, "*", file)) {
		return true
	}
	return Unified() && available(controller) && !exists(filepath.Join(root, "*", controller+".*"))
}

func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// available returns true if the root of v2 can enable the controller in groups.
func available(controller string) bool {
	data, err := os.ReadFile(filepath.Join(Mountpoint, "cgroup.controllers"))
	return err == nil && slices.Contains(strings.Fields(string(data)), controller)
}
