package csi

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/isolators/stateful"
)

// mountTime bounds a mount of a part of a volume, and its unmount.
const mountTime = 20 * time.Second

// used returns the directory with a file for each volume that the container may have.
func used(h mctr.Handle) string { return filepath.Join(h.State, name, "used") }

// parts returns the directory in which parts of volumes are mounted for the engine.
func parts(h mctr.Handle) string { return filepath.Join(h.State, name, "parts") }

// note notes, before mctr-csi does, that the container has a volume.
func note(h mctr.Handle, key string) error {
	if err := os.MkdirAll(used(h), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(used(h), key), nil, 0o600)
}

// Cleanup has the volumes of the container unpublished. What a plugin that is down leaves is reported, and
// tried again.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	errs := []error{i.unmountParts(ctx, h)}
	if errs[0] != nil {
		return errs[0] // a plugin cannot unmount what is in use
	}
	keys, err := i.keys(h)
	errs = append(errs, err)
	for _, key := range keys {
		if err := i.Driver.Unpublish(ctx, key, h.ID); err != nil {
			errs = append(errs, err)
		} else if err := os.Remove(filepath.Join(used(h), key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, i.unshare(ctx, h))...)
}

// keys returns the keys of the volumes that the container may have.
func (i *isolator) keys(h mctr.Handle) ([]string, error) {
	if _, err := os.Lstat(h.State); !errors.Is(err, fs.ErrNotExist) {
		return namesIn(used(h))
	}
	held, err := i.Driver.Held() // what the container noted itself is lost
	var keys []string
	for _, use := range held {
		if use.Container == h.ID {
			keys = append(keys, use.Key)
		}
	}
	return keys, err
}

func namesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (i *isolator) unmountParts(ctx context.Context, h mctr.Handle) error {
	names, err := namesIn(parts(h))
	errs := []error{err}
	for _, n := range names {
		errs = append(errs, i.unmount(ctx, filepath.Join(parts(h), n)))
	}
	return errors.Join(errs...)
}

// unmount removes what part mounted at a path, and the directory. It may be called twice.
func (i *isolator) unmount(ctx context.Context, at string) error {
	ctx, cancel := context.WithTimeout(ctx, mountTime)
	defer cancel()
	for {
		_, err := i.Jobs.Do(ctx, helper.Request{Verb: helper.VerbUmount, Path: at,
			Flags: unix.MNT_DETACH | unix.UMOUNT_NOFOLLOW})
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // nothing is mounted there
			break
		}
		if err != nil {
			return err
		}
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// staleKind is the kind of leftovers that belong to no container: volumes that are attached or staged.
const staleKind = "csi volume"

// Recover reports volumes and mounts of unknown containers, and volumes that no container has and that are
// attached or staged.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	found, failed := stateful.LeftMounts(known, handleOf, func(h mctr.Handle) []string { return []string{parts(h)} })
	held, unread := i.Driver.Held()
	for _, use := range held {
		if slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == use.Container }) {
			continue
		}
		found = append(found, mctr.Leftover{Kind: "mount", Object: use.Target, Owner: use.Container,
			Why: "the container that had the volume does not exist", Undo: "unpublish it"})
	}
	stale, err := i.Driver.Stale()
	for _, v := range stale {
		found = append(found, mctr.Leftover{Kind: staleKind, Object: v.Plugin + "/" + v.Name,
			Why: "it is attached or staged, and no container has it", Undo: "detach it"})
	}
	return found, errors.Join(failed, unread, err)
}

// Undo detaches and unstages the volumes of a plugin that no container has.
func (i *isolator) Undo(ctx context.Context, l mctr.Leftover) error {
	plugin, _, ok := strings.Cut(l.Object, "/")
	if l.Kind != staleKind || !ok {
		return &mctr.UnsupportedError{Feature: l.String(), Why: "a plugin did not make this volume"}
	}
	return i.Driver.Release(ctx, plugin)
}
