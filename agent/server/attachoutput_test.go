package server

import (
	"bytes"
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
)

// TestHeartbeat checks that an idle stream sends heartbeats.
func TestHeartbeat(t *testing.T) {
	answer := httptest.NewRecorder()
	out := &output{x: &exchange{w: answer, r: httptest.NewRequestWithContext(t.Context(), "POST", api.Path, nil)}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	out.beat(ctx, 10*time.Millisecond)
	if got := answer.Header().Get("Content-Type"); got != api.RecordIO {
		t.Errorf("Content-Type: %s", got)
	}
	first, err := recordio.NewReader(bytes.NewReader(answer.Body.Bytes()), 1<<10).Next()
	if want := `{"type":"CONTROL","control":{"type":"HEARTBEAT","heartbeat":{"interval":{"nanoseconds":10000000}}}}`; err != nil || string(first) != want {
		t.Errorf("%s, %v; want %s", first, err, want)
	}
}
