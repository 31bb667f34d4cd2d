package agent_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/logs"
)

// faultVariable is the environment variable with the fault for a TestLocal in its own process.
const faultVariable = "MCTR_TEST_FAULT"

// faults has faults that each break one verb, by the case of the contract that must detect it.
var faults = map[string]func(agent.API) agent.API{
	"launch and wait":        func(a agent.API) agent.API { return wrongCode{a} },
	"kill, stop and destroy": func(a agent.API) agent.API { return deaf{a} },
	"logs":                   func(a agent.API) agent.API { return oneStream{a} },
	"errors":                 func(a agent.API) agent.API { return noSentinel{a} },
	"contexts":               func(a agent.API) agent.API { return noCancel{a} },
}

// faulty returns the API with the fault that the environment names, if any.
func faulty(a agent.API) agent.API {
	if fault := faults[os.Getenv(faultVariable)]; fault != nil {
		return fault(a)
	}
	return a
}

type wrongCode struct{ agent.API }

func (w wrongCode) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	end, err := w.API.Wait(ctx, id)
	if err == nil {
		end.ExitCode++
	}
	return end, err
}

type deaf struct{ agent.API }

func (d deaf) Kill(ctx context.Context, id mctr.ContainerID, _ unix.Signal) error {
	return d.API.Kill(ctx, id, unix.SIGKILL)
}

type oneStream struct{ agent.API }

func (o oneStream) Logs(ctx context.Context, id mctr.ContainerID, r logs.ReadOptions,
	emit func(logs.Entry) error) error {
	return o.API.Logs(ctx, id, r, func(e logs.Entry) error {
		e.Stream = logs.Stdout
		return emit(e)
	})
}

type noSentinel struct{ agent.API }

func (n noSentinel) Pause(ctx context.Context, id mctr.ContainerID) error {
	if err := n.API.Pause(ctx, id); err != nil {
		return errors.New(err.Error())
	}
	return nil
}

type noCancel struct{ agent.API }

func (n noCancel) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	end, err := n.API.Wait(ctx, id)
	if errors.Is(err, context.Canceled) {
		return &mctr.Termination{}, nil
	}
	return end, err
}

// TestContractHasTeeth checks that each case of the contract fails with its fault, and passes without.
func TestContractHasTeeth(t *testing.T) {
	for name := range faults {
		pattern := "^TestLocal$/^" + strings.ReplaceAll(name, " ", "_") + "$"
		for _, fault := range []string{"", name} {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", pattern)
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			if out, err := cmd.CombinedOutput(); (err == nil) != (fault == "") ||
				fault != "" && !strings.Contains(string(out), "--- FAIL: TestLocal/") {
				t.Errorf("%s with the fault %q: %v\n%s", name, fault, err, out)
			}
		}
	}
}
