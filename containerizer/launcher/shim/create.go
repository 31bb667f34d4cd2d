package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/internal/proc"
)

// createContainer creates the container with its streams, and records it. The caller holds the
// lock.
func (s *Shim) createContainer(ctx context.Context, c *wire.Create) (created *wire.Created, err error) {
	spec, err := loadSpec(c)
	if err == nil {
		err = errors.Join(reservePorts(c.ReservePorts), reserveExitRecord(c.FallbackExit))
	}
	if err != nil {
		return nil, err
	}
	streams, err := openStreams(c, spec.Process.Terminal)
	if err != nil {
		return nil, err
	}
	container, err := s.engines(c.Runtime).Create(ctx, engine.Options{
		ID: string(c.ID), Bundle: c.Bundle, Root: c.EngineRoot, Cache: c.EngineCache, Spec: spec, Stdio: streams.child,
	})
	streams.closeChild()
	if err != nil {
		return nil, errors.Join(err, streams.close())
	}
	s.container, s.streams = container, streams
	err = streams.begin(container.Init().Console)
	go s.supervise()
	if err == nil {
		err = s.watchParent(c.Parent)
	}
	if err == nil {
		created, err = recordCreated(c, container)
		s.created = created
	}
	if err != nil {
		s.why = &mctr.Limitation{Reason: mctr.ReasonLaunchFailed, Message: "record: " + err.Error()}
		_ = container.Signal(int(unix.SIGKILL), true)
		_ = container.Signal(int(unix.SIGKILL), false)
	}
	return created, err
}

// loadSpec reads the bundle's config.json and adds the secret environment, which must not be on
// disk.
func loadSpec(c *wire.Create) (*specs.Spec, error) {
	if err := os.Chdir(c.Bundle); err != nil { // relative paths in config.json start in the bundle
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(c.Bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	spec := &specs.Spec{}
	err = fields.Decode(data, spec)
	if unknown, ok := errors.AsType[fields.Unknown](err); ok {
		return nil, &mctr.UnsupportedError{
			Feature: "config.json: " + strings.Join(unknown, ", "),
			Remedy:  "keep mctr's programs together, of one build",
			Why:     fmt.Sprintf("this mctr-shim (%s) does not support it", buildinfo.Self()),
		}
	}
	if err != nil {
		return nil, fmt.Errorf("decode config.json: %w", err)
	}
	if spec.Process == nil || spec.Linux == nil {
		return nil, errors.New("config.json lacks process or linux")
	}
	spec.Process.Env = append(spec.Process.Env, c.SecretEnv...)
	return spec, nil
}

func recordCreated(c *wire.Create, container engine.Container) (*wire.Created, error) {
	pid := container.Init().Pid
	start, err := proc.StartTime(pid)
	if err != nil {
		return nil, fmt.Errorf("read the start time of pid %d: %w", pid, err)
	}
	created := &wire.Created{Pid: pid, ShimPid: os.Getpid(), StartTime: start, Cgroups: container.Cgroups()}
	if err := atomicfile.WriteJSON(c.Created, created); err != nil {
		return nil, fmt.Errorf("record the created container: %w", err)
	}
	return created, failpoint.Hit("created")
}
