package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// addTiming adds a step of a launch to the header of the launch's answer.
func addTiming(header http.Header, s mctr.Step) {
	header.Add(api.Timing, fmt.Sprintf("step;desc=%q;dur=%.3f", s.Name, float64(s.Took())/float64(time.Millisecond)))
}
