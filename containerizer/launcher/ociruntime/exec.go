package ociruntime

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// execFailedCode is the exit code of an exec that did not execute its command.
const execFailedCode = 255

func (r *runtime) exec(args []string) (int, error) {
	e := &execution{}
	f := newFlags("exec")
	e.register(f)
	rest, err := parse(f, args, false) // the flags after the id belong to the command
	if err == nil {
		err = count("exec", rest, 1, math.MaxInt)
	}
	if err != nil {
		return execFailedCode, err
	}
	e.noNewPrivsSet = isSet(f, "no-new-privs")
	code, err := r.execute(e, rest[0], rest[1:])
	if err != nil {
		return execFailedCode, fmt.Errorf("exec failed: %w", err)
	}
	return code, nil
}

func (r *runtime) execute(e *execution, id string, command []string) (int, error) {
	c, err := r.load(id)
	if err != nil {
		return execFailedCode, err
	}
	state, err := c.State()
	if err != nil {
		return execFailedCode, err
	}
	if err := e.checkStatus(state.Status); err != nil {
		return execFailedCode, err
	}
	if err := e.makePathsAbsolute(); err != nil {
		return execFailedCode, err
	}
	process, err := e.process(state.Bundle, command)
	if err != nil {
		return execFailedCode, err
	}
	if err := e.check(process); err != nil {
		return execFailedCode, err
	}
	if e.subCgroups, err = subCgroups(e.cgroups); err != nil {
		return execFailedCode, err
	}
	signals := listen()
	b, err := e.begin(process, func(io engine.Stdio) (*engine.Process, error) { return e.execIn(c, process, io) })
	if err != nil || e.detach {
		return 0, err
	}
	return b.supervise(signals), nil
}

// execIn runs the process in the container, in the cgroups of --cgroup if there are any.
func (e *execution) execIn(c engine.Container, p *specs.Process, io engine.Stdio) (*engine.Process, error) {
	if len(e.subCgroups) == 0 {
		return c.Exec(p, io)
	}
	x, ok := c.(engine.SubCgroupExecer)
	if !ok {
		return nil, fmt.Errorf("%w: --cgroup: this engine does not support cgroups below the container's",
			mctr.ErrUnsupported)
	}
	return x.ExecInSubCgroups(e.subCgroups, p, io)
}

func (e *execution) checkStatus(status specs.ContainerState) error {
	switch {
	case status == specs.StateStopped:
		return errors.New("the container is stopped")
	case status == engine.StatePaused && !e.ignorePaused:
		return errors.New("the container is paused (with --ignore-paused, the process starts when it is resumed)")
	}
	return nil
}

// process returns the process to run: from the file of --process, or else the container's own
// process, changed by the flags.
func (e *execution) process(bundle string, command []string) (*specs.Process, error) {
	if e.processFile == "" {
		return e.deriveProcess(bundle, command)
	}
	data, err := os.ReadFile(e.processFile)
	if err != nil {
		return nil, err
	}
	p := &specs.Process{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.processFile, err)
	}
	if e.tty {
		p.Terminal = true
	}
	return p, checkProcess(p)
}

// defaultPath is the environment of an exec in a container without a process.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (e *execution) deriveProcess(bundle string, command []string) (*specs.Process, error) {
	if len(command) == 0 {
		return nil, errors.New("no command given (and no --process)")
	}
	if bundle == "" {
		return nil, errors.New("the container's state does not name its bundle")
	}
	spec, err := loadSpec(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	p := cmp.Or(spec.Process, &specs.Process{Cwd: "/", Env: []string{defaultPath}})
	p.Args = command
	return p, errors.Join(e.change(p), checkProcess(p))
}
