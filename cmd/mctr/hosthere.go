package main

import (
	"context"

	"github.com/mctr/mctr/internal/doctor"
)

// hostHere is this host.
type hostHere struct {
	doctor.Host
	backend string
}

func (h hostHere) Facts(context.Context) (*doctor.Facts, error) {
	return h.Host.Facts(version, h.backend)
}

func (h hostHere) Examine(context.Context) ([]doctor.Finding, error) {
	return doctor.Examine(h.Host), nil
}
