package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// doomed is the owner of the containers of processes that are killed.
const doomed = "bench-doomed"

// A Doomed is what a process launches that is then killed: the argument of "mctr-bench volume doomed".
type Doomed struct {
	Programs Programs    `json:"programs"`
	Root     string      `json:"root"`
	State    string      `json:"state"`
	Volume   mctr.Volume `json:"volume"`
	Work     work.Work   `json:"work"`
}

// A launch is what the process prints.
type launch struct {
	ID     mctr.ContainerID `json:"id"`
	Answer *work.Answer     `json:"answer"`
}

// Run launches a container, prints its first answer, and waits to be killed.
func (d Doomed) Run(ctx context.Context, out io.Writer) error {
	h, api, err := d.Programs.open(ctx, d.Root, d.State, doomed)
	if err != nil {
		return err
	}
	defer h.Close()
	l, err := d.Programs.launch(ctx, api, d.Volume, d.Work)
	if err != nil {
		return err
	}
	a, err := l.answer(ctx)
	if err == nil {
		err = json.NewEncoder(out).Encode(launch{ID: l.id, Answer: a})
	}
	if err != nil {
		return errors.Join(err, l.remove(context.WithoutCancel(ctx)))
	}
	<-ctx.Done()
	return l.remove(context.WithoutCancel(ctx))
}

func (m *machine) orphan(ctx context.Context, v mctr.Volume, w work.Work) (*work.Answer, error) {
	l, err := m.killed(ctx, Doomed{Programs: m.programs, Root: m.root(), State: m.state(), Volume: v, Work: w})
	if err != nil {
		return nil, fmt.Errorf("process to be killed: %w", err)
	}
	return l.Answer, m.adopt(ctx, l.ID)
}

// killed runs a process that launches a container, and kills the process.
func (m *machine) killed(ctx context.Context, d Doomed) (*launch, error) {
	argument, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, m.programs.Bench, "volume", "doomed", string(argument))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread() // the death signal is sent when the parent thread ends (prctl(2))
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	l := &launch{}
	err = json.NewDecoder(out).Decode(l)
	_ = cmd.Process.Kill() // fails if the process has ended
	_ = cmd.Wait()         // fails because of the kill
	return l, err
}

// adopt takes over the container of the process that was killed, and removes it.
func (m *machine) adopt(ctx context.Context, id mctr.ContainerID) error {
	h, api, err := m.programs.open(ctx, m.root(), m.state(), doomed)
	if err != nil {
		return err
	}
	defer h.Close()
	containers, err := h.Containers(ctx)
	if err != nil {
		return err
	}
	found, err := containers.Recover(ctx)
	if err == nil && !slices.Contains(found.Adopted, id) {
		err = fmt.Errorf("%w: container %s does not run after its agent was killed", mctr.ErrState, id.Short())
	}
	return errors.Join(err, api.Remove(ctx, id, true))
}
