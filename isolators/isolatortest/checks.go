package isolatortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// patience bounds a verb. A verb that takes longer counts as hung.
const patience = 30 * time.Second

var ctx = context.Background()

// named checks that an isolator of this module has its package's path as name.
func named(s *scene) error {
	i := s.factory()
	t := reflect.TypeOf(i)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, path, below := strings.Cut(t.PkgPath(), "/isolators/")
	if below && !strings.HasPrefix(path, "isolatortest") && i.Name() != path {
		return fmt.Errorf("Name() is %q, want %q", i.Name(), path)
	}
	if i.Name() == "" || i.Name() != s.factory().Name() {
		return fmt.Errorf("Name() is %q, then %q", i.Name(), s.factory().Name())
	}
	return nil
}

// checkOnly checks that Check accepts an empty config and the scene's, or refuses them with a
// sentinel, and changes nothing.
func checkOnly(s *scene) error {
	i := s.factory()
	for _, config := range []*mctr.ContainerConfig{{}, s.config} {
		before, files := asJSON(config), s.files()
		err := i.Check(ctx, config)
		if err != nil && !errors.Is(err, mctr.ErrInvalid) && !errors.Is(err, mctr.ErrUnsupported) {
			return fmt.Errorf("Check: %w, want ErrInvalid or ErrUnsupported", err)
		}
		if diff := cmp.Diff(before, asJSON(config)); diff != "" {
			return fmt.Errorf("Check changed the config: %s", diff)
		}
		if diff := cmp.Diff(files, s.files()); diff != "" {
			return fmt.Errorf("Check made or removed files: %s", diff)
		}
	}
	return nil
}

// completeOnce checks that a second Complete, as at a second start, does not change the config
// again, and that Complete makes no files.
func completeOnce(s *scene) error {
	c, ok := s.factory().(isolators.Completer)
	if !ok {
		return nil
	}
	for _, config := range []mctr.ContainerConfig{{}, *s.config} {
		files := s.files()
		if _, err := c.Complete(ctx, "complete", &config); err != nil {
			return fmt.Errorf("call Complete: %w", err)
		}
		once := asJSON(&config)
		if _, err := c.Complete(ctx, "complete", &config); err != nil {
			return fmt.Errorf("call Complete with what it completed: %w", err)
		}
		if diff := cmp.Diff(once, asJSON(&config)); diff != "" {
			return fmt.Errorf("a second Complete changed what it had completed: %s", diff)
		}
		if diff := cmp.Diff(files, s.files()); diff != "" {
			return fmt.Errorf("the verb Complete made or removed files: %s", diff)
		}
	}
	return nil
}

// locateOnly checks that Locate makes no files, and accepts a container that was never prepared.
func locateOnly(s *scene) error {
	m, ok := s.factory().(isolators.VolumeMounter)
	if !ok {
		return nil
	}
	volumes := slices.DeleteFunc(slices.Clone(s.config.Volumes),
		func(v mctr.Volume) bool { return !slices.Contains(m.VolumeTypes(), v.Type) })
	for _, t := range m.VolumeTypes() {
		volumes = append(volumes, mctr.Volume{Type: t, Source: "never-made", Target: "/x"})
	}
	files := s.files()
	for _, v := range volumes {
		at, err := m.Locate(ctx, s.handle("locate"), nil, v)
		if err == nil && at != nil && !filepath.IsAbs(at.Root) {
			return fmt.Errorf("the verb Locate returned the root %q, want an absolute path", at.Root)
		}
	}
	if diff := cmp.Diff(files, s.files()); diff != "" {
		return fmt.Errorf("the verb Locate made or removed files: %s", diff)
	}
	return nil
}

// prepared prepares container 0, calls do, and cleans up.
func (s *scene) prepared(do func(isolators.Isolator, *mctr.Container, *mctr.Adjustment) error) error {
	c, err := s.container(0)
	if err != nil {
		return err
	}
	i := s.factory()
	a, err := i.Prepare(ctx, c)
	if err != nil {
		return errors.Join(fmt.Errorf("Prepare: %w", err), i.Cleanup(ctx, c.Handle))
	}
	err = guard(func() error { return do(i, c, a) })
	return errors.Join(err, wrap("Cleanup", i.Cleanup(ctx, c.Handle)))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func prepareTwice(s *scene) error {
	return s.prepared(func(i isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
		return same(i, c, first)
	})
}

func prepareRestarted(s *scene) error {
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
		return same(s.factory(), c, first)
	})
}

// same checks that Prepare returns first again. It repeats Prepare, because the order of a Go map
// differs from time to time.
func same(i isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
	for range 8 {
		again, err := i.Prepare(ctx, c)
		if err != nil {
			return fmt.Errorf("Prepare again: %w", err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			return fmt.Errorf("Prepare again differs (-first +again): %s", diff)
		}
	}
	return nil
}

func prepareReadsOnly(s *scene) error {
	before := asJSON(s.config)
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		if diff := cmp.Diff(before, asJSON(c.Config)); diff != "" {
			return fmt.Errorf("Prepare changed the config: %s", diff)
		}
		return nil
	})
}

// prepareStaysHome checks that Prepare makes files only in Dir/<name>, State/<name> and the
// sandbox.
func prepareStaysHome(s *scene) error {
	c, err := s.container(0)
	if err != nil {
		return err
	}
	before := s.files()
	return s.prepared(func(i isolators.Isolator, _ *mctr.Container, _ *mctr.Adjustment) error {
		homes := []string{filepath.Join(c.Dir, i.Name()), filepath.Join(c.State, i.Name()), c.Sandbox}
		for _, f := range s.files() {
			own := slices.ContainsFunc(homes, func(home string) bool {
				return f == home || strings.HasPrefix(f, home+"/") || strings.HasPrefix(home, f+"/")
			})
			if !own && !slices.Contains(before, f) {
				return fmt.Errorf("Prepare made %s, which is in none of %q", f, homes)
			}
		}
		return nil
	})
}

func cleanUpUnknown(s *scene) error {
	return wrap("Cleanup of an unknown container", s.factory().Cleanup(ctx, s.handle("no-such-container")))
}

func cleanUpUnprepared(s *scene) error {
	c, err := s.container(0)
	if err != nil {
		return err
	}
	return wrap("Cleanup without Prepare", s.factory().Cleanup(ctx, c.Handle))
}

func cleanUpTwice(s *scene) error {
	return s.prepared(func(i isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		return wrap("first Cleanup", i.Cleanup(ctx, c.Handle)) // prepared calls the second
	})
}

func cleanUpRestarted(s *scene) error {
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		return wrap("Cleanup by another", s.factory().Cleanup(ctx, c.Handle))
	})
}

// recoverOnly checks that Recover changes nothing, whichever containers it is given as known.
func recoverOnly(s *scene) error {
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
		files := s.files()
		for _, known := range [][]mctr.ContainerState{nil, {{Handle: s.handle("another"), Config: plain()}},
			{state(c)}} {
			if _, err := s.factory().Recover(ctx, known, s.handle); err != nil {
				return fmt.Errorf("Recover: %w", err)
			}
		}
		if diff := cmp.Diff(files, s.files()); diff != "" {
			return fmt.Errorf("Recover made or removed files: %s", diff)
		}
		return same(s.factory(), c, first)
	})
}

func state(c *mctr.Container) mctr.ContainerState {
	return mctr.ContainerState{Handle: c.Handle, Config: c.Config, Phase: mctr.Running}
}

func recoverKnown(s *scene) error {
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		return s.wantNoLeftover(c, state(c))
	})
}

func recoverCleaned(s *scene) error {
	return s.prepared(func(i isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		return errors.Join(i.Cleanup(ctx, c.Handle), s.wantNoLeftover(c))
	})
}

// recoverReports checks that Recover reports what a container holds on the host if the container
// has no record. A new isolator, as of a process that was started again, knows nothing but the
// host.
func recoverReports(s *scene) error {
	return s.prepared(func(_ isolators.Isolator, c *mctr.Container, _ *mctr.Adjustment) error {
		held, err := s.host.Held()
		if err != nil || len(held) == 0 {
			return err
		}
		found, err := s.factory().Recover(ctx, nil, s.handle)
		if err != nil {
			return fmt.Errorf("Recover: %w", err)
		}
		for _, l := range found {
			if l.Owner == c.ID {
				return nil
			}
		}
		return fmt.Errorf("Recover reports nothing of container %s, which holds %q; it reports %v", c.ID, held, found)
	})
}

// lives calls Isolate, Watch, Usage and Status for a process of the container, with the isolator
// that prepared the container and with a new one.
func lives(s *scene) error {
	return s.prepared(func(i isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
		init := exec.Command("sleep", "60")
		if err := init.Start(); err != nil {
			return err
		}
		defer func() {
			_ = init.Process.Kill()
			_ = init.Wait() // it was killed
		}()
		for _, i := range []isolators.Isolator{i, s.factory()} {
			err := errors.Join(
				wrap("Isolate", i.Isolate(ctx, c.Handle, init.Process.Pid)),
				wrap("Watch", i.Watch(ctx, c.Handle, func(mctr.Limitation) {})),
				wrap("Usage", notUnknown(i.Usage(ctx, c.Handle, &mctr.Usage{}))),
				wrap("Status", notUnknown(i.Status(ctx, c.Handle, &mctr.Status{ID: c.ID, Config: c.Config}))))
			if err != nil {
				return err
			}
		}
		return same(s.factory(), c, first)
	})
}

// notUnknown ignores mctr.ErrNotFound, which an isolator returns for a container of which it knows
// nothing, such as one without a control group.
func notUnknown(err error) error {
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	return err
}

// updates checks that Update accepts the container's present resources, returns the same answer
// twice, and changes nothing.
func updates(s *scene) error {
	return s.prepared(func(i isolators.Isolator, c *mctr.Container, first *mctr.Adjustment) error {
		var answers []string
		for _, i := range []isolators.Isolator{i, i, s.factory()} {
			resources := c.Config.Resources
			wants, err := i.Update(ctx, c.Handle, &resources)
			if err != nil {
				return fmt.Errorf("Update to what the container has: %w", err)
			}
			data, err := json.Marshal(wants)
			if err != nil {
				return err
			}
			answers = append(answers, string(data))
		}
		if answers[1] != answers[0] || answers[2] != answers[0] {
			return fmt.Errorf("Update again differs: %q", answers)
		}
		return same(s.factory(), c, first)
	})
}

func (s *scene) wantNoLeftover(c *mctr.Container, known ...mctr.ContainerState) error {
	found, err := s.factory().Recover(ctx, known, s.handle)
	for _, l := range found {
		if l.Owner == c.ID {
			err = errors.Join(err, fmt.Errorf("Recover reports %s", l))
		}
	}
	return err
}

// cancelled checks that every verb returns if its context has ended, and that Cleanup releases what
// an interrupted Prepare acquired.
func cancelled(s *scene) error {
	c, err := s.container(0)
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	i := s.factory()
	return errors.Join(s.inTime(over, i, c), wrap("Cleanup", i.Cleanup(ctx, c.Handle)))
}

func (s *scene) inTime(over context.Context, i isolators.Isolator, c *mctr.Container) error {
	ended := make(chan error, 1)
	go func() {
		ended <- guard(func() error {
			_, err := i.Prepare(over, c)
			if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, mctr.ErrInvalid) &&
				!errors.Is(err, mctr.ErrUnsupported) {
				return fmt.Errorf("Prepare with a cancelled context: %w, want context.Canceled in it", err)
			}
			_ = i.Check(over, c.Config)
			_, _ = i.Recover(over, nil, s.handle)
			_ = i.Cleanup(over, c.Handle)
			return nil
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		return errors.New("a verb with a cancelled context does not return")
	}
}

// unknown checks that no verb panics for a container that was never prepared, or has just been
// removed, and that Usage and Status return no error except ErrNotFound.
func unknown(s *scene) error {
	i, h := s.factory(), s.handle("no-such-container")
	for verb, err := range map[string]error{
		"Usage":  i.Usage(ctx, h, &mctr.Usage{}),
		"Status": i.Status(ctx, h, &mctr.Status{}),
	} {
		if err != nil && !errors.Is(err, mctr.ErrNotFound) {
			return fmt.Errorf("%s of an unknown container: %w, want nil or ErrNotFound", verb, err)
		}
	}
	_, _ = i.Update(ctx, h, &mctr.Resources{})
	_ = i.Watch(ctx, h, func(mctr.Limitation) {})
	return wrap("Cleanup", i.Cleanup(ctx, h))
}

// atOnce prepares and cleans up several containers at the same time, for the race detector.
func atOnce(s *scene) error {
	i := s.factory()
	errs := make([]error, parallel)
	var all sync.WaitGroup
	for n := range parallel {
		all.Go(func() {
			c, err := s.container(n)
			if err == nil {
				_, err = i.Prepare(ctx, c)
			}
			_, recoverErr := i.Recover(ctx, nil, s.handle)
			h := s.handle(id(n))
			errs[n] = errors.Join(err, recoverErr, i.Usage(ctx, h, &mctr.Usage{}), i.Cleanup(ctx, h))
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// files returns the paths below the scene's directory.
func (s *scene) files() (paths []string) {
	_ = filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}

func asJSON(config *mctr.ContainerConfig) string {
	data, err := json.Marshal(config)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
