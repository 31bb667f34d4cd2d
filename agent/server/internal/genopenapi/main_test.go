package main

import (
	"bytes"
	"testing"

	"github.com/mctr/mctr/agent/server"
)

// TestDescriptionIsCurrent wants the embedded description to be what the types of the messages
// and their comments give now.
func TestDescriptionIsCurrent(t *testing.T) {
	text, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, server.Description) {
		t.Error("agent/server/openapi.yaml is stale: run go generate ./agent/server")
	}
}
