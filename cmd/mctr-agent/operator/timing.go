package operator

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// timing is how long a launch took, step by step, for the header of its answer.
type timing struct {
	mu     sync.Mutex
	last   time.Time
	header http.Header
}

func newTiming(header http.Header) *timing { return &timing{last: time.Now(), header: header} }

func (t *timing) reached(next mctr.Timing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := next.At.Sub(t.last)
	t.header.Add(api.Timing, fmt.Sprintf("step;desc=%q;dur=%.3f", next.Checkpoint, float64(took)/float64(time.Millisecond)))
	t.last = next.At
}
