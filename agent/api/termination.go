package api

import (
	"github.com/mctr/mctr"
)

// A Termination describes how a container ended.
type Termination struct {
	ExitStatus int         `json:"exit_status"` // status as returned by wait(2)
	State      string      `json:"state"`       // TASK_FINISHED, TASK_FAILED, TASK_KILLED, TASK_LOST
	Reason     string      `json:"reason,omitempty"`
	Message    string      `json:"message,omitempty"`
	Limitation *Limitation `json:"limitation,omitempty"`

	Mctr *mctr.Termination `json:"mctr,omitempty"` // complete termination in the format of mctr
}

// An Acknowledgement names terminations of GET_ENDS that the client has recorded. GET_ENDS does not
// return them again.
type Acknowledgement struct {
	Keys []string `json:"keys"`
}

// A Limitation names the resource whose limit was exceeded, with the limit.
type Limitation struct {
	Resources []Resource `json:"resources"`
}

// reasons maps the reasons of mctr to those of Mesos. Other reasons have no counterpart.
var reasons = map[string]string{
	mctr.ReasonOOM:          "REASON_CONTAINER_LIMITATION_MEMORY",
	mctr.ReasonLimitation:   "REASON_CONTAINER_LIMITATION",
	mctr.ReasonMaxTime:      "REASON_MAX_COMPLETION_TIME_REACHED",
	mctr.ReasonLaunchFailed: "REASON_CONTAINER_LAUNCH_FAILED",
	mctr.ReasonUnhealthy:    "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
	mctr.ReasonReboot:       "REASON_AGENT_RESTARTED",
	mctr.ReasonShimLost:     "REASON_AGENT_RESTARTED",
}

// NewTermination converts a termination to the format of Mesos.
func NewTermination(t *mctr.Termination) Termination {
	end := Termination{ExitStatus: t.ExitCode << 8, State: state(t), Reason: reasons[t.Reason], Message: t.Message,
		Mctr: t}
	if t.Signal != 0 {
		end.ExitStatus = t.Signal
	}
	if l := t.Limitation; l != nil && l.Resource == "memory" {
		end.Limitation = &Limitation{Resources: []Resource{{Name: "mem", Type: "SCALAR",
			Scalar: &Scalar{Value: Number(float64(l.Limit) / (1 << 20))}}}}
	}
	return end
}

func state(t *mctr.Termination) string {
	switch t.Reason {
	case mctr.ReasonDestroyed, mctr.ReasonParentEnded:
		return "TASK_KILLED"
	case mctr.ReasonShimLost, mctr.ReasonReboot:
		return "TASK_LOST"
	case mctr.ReasonExited:
		if t.ExitCode == 0 {
			return "TASK_FINISHED"
		}
	}
	return "TASK_FAILED"
}
