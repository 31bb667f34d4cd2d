package ocibinary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// check returns an error if the runtime does not support o.
func (r *runtime) check(ctx context.Context, o engine.Options) error {
	if o.Spec == nil || o.Spec.Process == nil || o.Spec.Linux == nil {
		return fmt.Errorf("%w: config.json lacks process or linux", mctr.ErrInvalid)
	}
	if o.Rootless {
		return r.unsupported("a rootless container", "this engine requires root", "")
	}
	return errors.Join(r.checkRootfs(o), r.checkEnvironment(o), r.checkProperties(ctx, o.Spec), r.checkSockets(o.Stdio))
}

// checkSockets refuses sockets of the caller, because runtimes accept only the path of a socket.
func (r *runtime) checkSockets(io engine.Stdio) error {
	if io.ConsoleSocket == nil && io.PidfdSocket == nil {
		return nil
	}
	return r.unsupported("a console or pidfd socket", "OCI runtimes accept the path of a socket, not a descriptor", "")
}

// checkRootfs refuses an image with a symbolic link at a path where the runtime mounts a kernel
// filesystem. Runtimes mount these from outside the container by path, and some releases follow
// such a link to the host (runc: CVE-2026-41579, CVE-2023-27561; crun: CVE-2026-47766).
func (r *runtime) checkRootfs(o engine.Options) error {
	if o.Spec.Root == nil {
		return nil // the runtime refuses it
	}
	rootfs := o.Spec.Root.Path
	if !filepath.IsAbs(rootfs) {
		rootfs = filepath.Join(o.Bundle, rootfs)
	}
	for _, place := range []string{"/dev", "/proc", "/sys"} {
		info, err := os.Lstat(filepath.Join(rootfs, place))
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%w: config.runtime %s: %s in the image is not a directory (%s), and the runtime might "+
				"follow it to the host; "+
				"the built-in runtime does not", mctr.ErrInvalid, filepath.Base(r.path), place, info.Mode())
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("check %s in the image: %w", place, err)
		}
	}
	return nil
}

// checkEnvironment refuses an environment that differs from the bundle's config.json, because the
// runtime reads that file.
func (r *runtime) checkEnvironment(o engine.Options) error {
	data, err := os.ReadFile(filepath.Join(o.Bundle, "config.json"))
	if err != nil {
		return err
	}
	var onDisk specs.Spec
	if err := json.Unmarshal(data, &onDisk); err != nil {
		return fmt.Errorf("decode config.json: %w", err)
	}
	if onDisk.Process == nil || !slices.Equal(onDisk.Process.Env, o.Spec.Process.Env) {
		return r.unsupported("a secret environment", "OCI runtimes read it from config.json, and some keep a copy",
			"use the built-in runtime, or a file")
	}
	return nil
}

// checkProperties refuses properties of config.json that are newer than the runtime. A runtime
// would silently ignore them. Properties of runtime-spec 1.0.2 need no check.
func (r *runtime) checkProperties(ctx context.Context, s *specs.Spec) error {
	var knows string
	for _, p := range newerFeatures {
		if !p.used(s) {
			continue
		}
		if knows == "" {
			knows = r.specVersion(ctx)
		}
		if older(knows, p.since) {
			return r.unsupported(p.name, "it requires runtime-spec "+p.since+", and the runtime supports "+knows, "")
		}
	}
	return nil
}

func (r *runtime) unsupported(feature, why, remedy string) error {
	return &mctr.UnsupportedError{Feature: feature + " with config.runtime " + filepath.Base(r.path), Why: why,
		Remedy: remedy}
}

// specVersion returns the newest runtime-spec that the runtime supports, from its features
// (runtime-spec, features.md) or else from its --version.
func (r *runtime) specVersion(ctx context.Context) string {
	var features struct {
		Max string `json:"ociVersionMax"`
	}
	if out, err := r.output(ctx, "features"); err == nil && json.Unmarshal(out, &features) == nil &&
		features.Max != "" {
		return features.Max
	}
	out, _ := r.output(ctx, "--version")
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(line, "spec:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "1.0.0"
}

// older compares major and minor versions. A version that it cannot parse counts as old.
func older(a, b string) bool {
	var x, y [2]int
	_, errA := fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	_, errB := fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	return errors.Join(errA, errB) != nil || slices.Compare(x[:], y[:]) < 0
}

// updatable refuses limits that "update --resources" does not support.
func (c *container) updatable(r *specs.LinuxResources) error {
	b := r.BlockIO
	devices := b != nil && (len(b.WeightDevice)+len(b.ThrottleReadBpsDevice)+len(b.ThrottleWriteBpsDevice)+
		len(b.ThrottleReadIOPSDevice)+len(b.ThrottleWriteIOPSDevice) > 0 || b.LeafWeight != nil)
	var asked []string
	for _, limit := range []struct {
		name  string
		asked bool
	}{
		{"devices", r.Devices != nil}, {"network", r.Network != nil}, {"rdma", r.Rdma != nil},
		{"hugepageLimits", r.HugepageLimits != nil}, {"blockIO devices", devices},
	} {
		if limit.asked {
			asked = append(asked, limit.name)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return c.unsupported("update of "+strings.Join(asked, ", "),
		"OCI runtimes update memory, cpu, pids and the blkio weight", "set it at launch")
}
