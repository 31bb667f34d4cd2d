package client

import (
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// reportSteps calls report, if it is not nil, with each step of a launch. The times are those of this
// host's clock: the first step began when the call was sent.
func reportSteps(header http.Header, sent time.Time, report func(mctr.Step)) {
	if report == nil {
		return
	}
	at := sent
	for _, step := range header.Values(api.Timing) {
		_, parameters, err := mime.ParseMediaType(step)
		took, numberErr := strconv.ParseFloat(parameters["dur"], 64)
		if err != nil || numberErr != nil {
			continue // added by a proxy
		}
		s := mctr.Step{Name: parameters["desc"], Began: at,
			Ended: at.Add(time.Duration(took * float64(time.Millisecond)))}
		report(s)
		at = s.Ended
	}
}
