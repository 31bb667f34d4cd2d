package main

import (
	"bytes"
	"testing"

	"github.com/mctr/mctr/agent/server"
)

// TestDescriptionIsCurrent checks that openapi.yaml is up to date with the types of the messages and
// their comments.
func TestDescriptionIsCurrent(t *testing.T) {
	text, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, server.Description) {
		t.Error("agent/server/openapi.yaml is stale: run go generate ./agent/server")
	}
}
