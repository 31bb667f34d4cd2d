package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/utils"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// failedExec is the exit code of an exec that did not come to run its command.
const failedExec = 255

func (r *runtime) exec(args []string) (int, error) {
	e := &execution{}
	f := newFlags("exec")
	e.register(f)
	rest, err := parse(f, args, false) // what follows the id is the command's
	if err == nil {
		err = count("exec", rest, 1, math.MaxInt)
	}
	if err != nil {
		return failedExec, err
	}
	e.noNewPrivsSet = isSet(f, "no-new-privs")
	code, err := r.execute(e, rest[0], rest[1:])
	if err != nil {
		return failedExec, fmt.Errorf("exec failed: %w", err)
	}
	return code, nil
}

func (r *runtime) execute(e *execution, id string, command []string) (int, error) {
	c, err := r.load(id)
	if err != nil {
		return failedExec, err
	}
	if err := e.checkState(c); err != nil {
		return failedExec, err
	}
	if err := e.absolute(); err != nil {
		return failedExec, err
	}
	process, err := e.process(c, command)
	if err != nil {
		return failedExec, err
	}
	if err := e.check(process); err != nil {
		return failedExec, err
	}
	if e.subCgroups, err = subCgroups(e.cgroups); err != nil {
		return failedExec, err
	}
	e.container, e.seccomp, e.cache = c, c.Config().Seccomp, filepath.Join(r.root, seccompDir)
	signals := listen()
	b, err := e.begin(process)
	if err != nil || e.detach {
		return 0, err
	}
	return b.supervise(signals), nil
}

func (e *execution) checkState(c *lc.Container) error {
	status, err := c.Status()
	switch {
	case err != nil:
		return err
	case status == lc.Stopped:
		return errors.New("the container is stopped")
	case status == lc.Paused && !e.ignorePaused:
		return errors.New("the container is paused (with --ignore-paused the process waits in it)")
	}
	return nil
}

// process reads the file that was given, or else changes the container's own by
// the flags.
func (e *execution) process(c *lc.Container, command []string) (*specs.Process, error) {
	if e.processFile == "" {
		return e.deriveProcess(c, command)
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

func (e *execution) deriveProcess(c *lc.Container, command []string) (*specs.Process, error) {
	if len(command) == 0 {
		return nil, errors.New("no command given (and no --process)")
	}
	bundle, ok := utils.SearchLabels(c.Config().Labels, "bundle")
	if !ok {
		return nil, errors.New("the container's state does not name its bundle")
	}
	spec, err := loadSpec(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	p := spec.Process
	if p == nil {
		p = &specs.Process{Cwd: "/", Env: []string{defaultPath}}
	}
	p.Args = command
	return p, errors.Join(e.change(p), checkProcess(p))
}
