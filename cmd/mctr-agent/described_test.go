package main

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mctr/mctr/agent/server"
)

var description = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(server.Description)
})

// described checks that a message conforms to the OpenAPI document. All tests that make calls use it,
// so that the document is checked against real messages.
func described(t *testing.T, schema string, message []byte) {
	t.Helper()
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(message, &value); err != nil {
		t.Errorf("%v: %s", err, message)
		return
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(value); err != nil {
		t.Errorf("not as described by %s: %s\n%v", schema, message, err)
	}
}
