package server

import (
	"bytes"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/logs"
)

// readLogs streams what a container printed, and with follow prints.
func readLogs(x *exchange, in api.Logs, out *output) error {
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	o := logs.ReadOptions{Follow: in.Follow, Since: in.Since, Until: in.Until, Tail: -1}
	if in.Tail != nil {
		o.Tail = *in.Tail
	}
	if _, err := x.Containers.Status(x.r.Context(), id); err != nil {
		return err
	}
	if o.Follow {
		if err := out.begin(); err != nil {
			return err
		}
	}
	return x.Containers.Logs(x.r.Context(), id, o, func(e logs.Entry) error {
		entry := api.Entry{Time: e.Time, Text: bytes.Clone(e.Text), Partial: e.Partial, Gap: e.Gap, Removed: e.Removed}
		if !e.Gap {
			entry.Stream = streamNames[e.Stream]
		}
		return out.send(api.StreamMessage{Entry: &entry})
	})
}

var streamNames = map[logs.Stream]string{logs.Stdout: "stdout", logs.Stderr: "stderr"}
