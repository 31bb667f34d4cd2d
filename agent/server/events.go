package server

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// watchEvents streams what happened to containers, whoever did it, and with follow
// what happens.
func watchEvents(x *exchange, in mctr.EventOptions, out *output) error {
	if err := out.begin(); err != nil {
		return err
	}
	for e, err := range x.Containers.Events(x.r.Context(), in) {
		if err != nil {
			return err
		}
		if err := out.send(api.StreamMessage{Event: &e}); err != nil {
			return err
		}
	}
	return nil
}
