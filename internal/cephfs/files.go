package cephfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
)

// The methods below work on files of a mount in a helper, until ctx ends or for ten seconds. root is a
// mount point that Acquire or With returned, dir a directory below it; no link leads out of root. Their
// errors wrap helper.ErrHung if the cluster does not answer.

// Bind mounts dir at target, which it makes.
func (m *Mounts) Bind(ctx context.Context, root, dir, target string) error {
	_, err := m.do(ctx, helper.Request{Verb: helper.VerbBind, Source: root, Data: dir, Path: target})
	if err != nil {
		return fmt.Errorf("%s in the volume: %w", dir, err)
	}
	return nil
}

// Unbind removes what Bind made at target. It may be called twice.
func (m *Mounts) Unbind(ctx context.Context, target string) error {
	_, err := m.do(ctx, helper.Request{Verb: helper.VerbUmount, Path: target,
		Flags: unix.UMOUNT_NOFOLLOW | unix.MNT_DETACH})
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // not a mount; nothing
		return err
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// MakeDirectory makes dir, and its missing parents, with mode 0755.
func (m *Mounts) MakeDirectory(ctx context.Context, root, dir string) error {
	_, err := m.do(ctx, helper.Request{Verb: helper.VerbMkdir, Source: root, Path: dir, Flags: 0o755})
	if err != nil {
		return fmt.Errorf("make %s in the volume: %w", dir, err)
	}
	return nil
}

// A Quota limits what is below a directory. Zero means unlimited. The client enforces it some seconds late.
type Quota struct {
	Bytes, Files int64
}

// SetQuota sets the limits of dir. The error is an [mctr.UnsupportedError] if the client's key lacks the
// capability p.
func (m *Mounts) SetQuota(ctx context.Context, root, dir string, q Quota) error {
	for attribute, value := range map[string]int64{"max_bytes": q.Bytes, "max_files": q.Files} {
		_, err := m.do(ctx, helper.Request{Verb: helper.VerbSetxattr, Source: root, Path: dir,
			Type: "ceph.quota." + attribute, Data: strconv.FormatInt(value, 10)})
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			return &mctr.UnsupportedError{Feature: "a quota of cephfs", Why: err.Error(),
				Remedy: "give the client's key the capability p: ceph fs authorize FS client.NAME PATH rwp"}
		}
		if err != nil {
			return fmt.Errorf("set ceph.quota.%s: %w", attribute, err)
		}
	}
	return nil
}

// Usage returns what is below dir, as the cluster counts it, some seconds late.
func (m *Mounts) Usage(ctx context.Context, root, dir string) (*mctr.VolumeUsage, error) {
	counts := map[string]int64{"rbytes": 0, "rentries": 0}
	for attribute := range counts {
		a, err := m.do(ctx, helper.Request{Verb: helper.VerbGetxattr, Source: root, Path: dir,
			Type: "ceph.dir." + attribute})
		if err == nil {
			counts[attribute], err = strconv.ParseInt(strings.TrimRight(a.Value, "\x00"), 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("read ceph.dir.%s: %w", attribute, err)
		}
	}
	return &mctr.VolumeUsage{Bytes: counts["rbytes"], Inodes: counts["rentries"]}, nil
}

// MakeSnapshot makes a snapshot of dir, RemoveSnapshot removes it, and Snapshots lists them. The key needs
// the capability s.
func (m *Mounts) MakeSnapshot(ctx context.Context, root, dir, name string) error {
	return m.changeSnapshot(ctx, helper.Request{Verb: helper.VerbMkdir, Source: root, Flags: 0o755}, dir, name)
}

// RemoveSnapshot removes a snapshot: see MakeSnapshot.
func (m *Mounts) RemoveSnapshot(ctx context.Context, root, dir, name string) error {
	return m.changeSnapshot(ctx, helper.Request{Verb: helper.VerbRmdir, Source: root}, dir, name)
}

func (m *Mounts) changeSnapshot(ctx context.Context, r helper.Request, dir, name string) error {
	if !entityName.MatchString(name) || strings.HasPrefix(name, "_") {
		return fmt.Errorf("%w: snapshot %q: want letters, digits, dots, dashes and underscores", mctr.ErrInvalid, name)
	}
	r.Path = dir + "/.snap/" + name
	if _, err := m.do(ctx, r); err != nil {
		return fmt.Errorf("snapshot %s: %w", name, err)
	}
	return nil
}

// Snapshots returns the names of the snapshots of dir, sorted, without those of directories above it.
func (m *Mounts) Snapshots(ctx context.Context, root, dir string) (names []string, err error) {
	a, err := m.do(ctx, helper.Request{Verb: helper.VerbList, Source: root, Path: dir + "/.snap"})
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, name := range a.Names {
		if !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *Mounts) do(ctx context.Context, r helper.Request) (*helper.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.MountTime)
	defer cancel()
	return m.config.Helper.Do(ctx, r)
}
