package client

import (
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// tellTimings tells the checkpoints of a launch that was asked for at sent, by this
// host's clock.
func tellTimings(header http.Header, sent time.Time, reached func(mctr.Timing)) {
	if reached == nil {
		return
	}
	at := sent
	for _, step := range header.Values(api.Timing) {
		_, parameters, err := mime.ParseMediaType(step)
		took, numberErr := strconv.ParseFloat(parameters["dur"], 64)
		if err != nil || numberErr != nil {
			continue // some proxy's
		}
		at = at.Add(time.Duration(took * float64(time.Millisecond)))
		reached(mctr.Timing{Checkpoint: parameters["desc"], At: at})
	}
}
