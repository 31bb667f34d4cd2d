package main

import (
	"context"

	"github.com/mctr/mctr/internal/doctor"
)

// localHost is this host.
type localHost struct {
	doctor.Host
	backend string
}

func (h localHost) Facts(context.Context) (*doctor.Facts, error) {
	return h.Host.Facts(version, h.backend)
}

func (h localHost) Examine(context.Context) ([]doctor.Finding, error) {
	return doctor.Examine(h.Host), nil
}
