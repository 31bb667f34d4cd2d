package mctr

import (
	"fmt"
	"time"
)

// A HealthCheck probes a running container periodically. One of Command, HTTP, TCP, Image and Disabled
// is set. Times and counts of 0, which would be meaningless, stand for Mesos' defaults.
type HealthCheck struct {
	Command []string  `json:"command,omitempty"` // runs in the container; exit code 0 is healthy
	HTTP    *HTTPGet  `json:"http,omitempty"`
	TCP     *TCPProbe `json:"tcp,omitempty"`

	Delay    Duration `json:"delay,omitempty"`    // before the first probe; default 0
	Interval Duration `json:"interval,omitempty"` // between two probes; default 10 s
	Timeout  Duration `json:"timeout,omitempty"`  // of one probe; default 20 s
	Failures int      `json:"failures,omitempty"` // consecutive failures that make it unhealthy; default 3

	// Grace is a period after the start in which failures do not count until the first success. nil
	// means 10 s, or the image's period.
	Grace *Duration `json:"grace,omitempty"`

	// StartInterval is the interval within Grace, until the first success; default Interval.
	StartInterval Duration `json:"start_interval,omitempty"`

	// Keep leaves an unhealthy container running, as docker does. Without it the container is stopped,
	// as with Mesos.
	Keep bool `json:"keep,omitempty"`

	// Image uses the command of the image's HEALTHCHECK, and its times where those here are 0.
	// Disabled turns off all checks, including the image's.
	Image    bool `json:"image,omitempty"`
	Disabled bool `json:"disabled,omitempty"`
}

// An HTTPGet is healthy when the answer to a GET has a status of 200 to 399.
type HTTPGet struct {
	Scheme string `json:"scheme,omitempty"` // http (default) or https, whose certificate is not verified
	Port   uint16 `json:"port"`             // on the container's loopback
	Path   string `json:"path,omitempty"`   // default /
}

// A TCPProbe is healthy when a connection is accepted.
type TCPProbe struct {
	Port uint16 `json:"port"` // on the container's loopback
}

// Validate returns an error for a check that is not valid.
func (h *HealthCheck) Validate() error {
	kinds := 0
	for _, set := range []bool{len(h.Command) > 0, h.HTTP != nil, h.TCP != nil, h.Image, h.Disabled} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("%w: health check: exactly one of command, http, tcp, the image's and none", ErrInvalid)
	case min(h.Delay, h.Interval, h.StartInterval, h.Timeout) < 0 || h.Failures < 0 || h.Grace != nil && *h.Grace < 0:
		return fmt.Errorf("%w: health check: negative time or count", ErrInvalid)
	case h.TCP != nil && h.TCP.Port == 0, h.HTTP != nil && h.HTTP.Port == 0:
		return fmt.Errorf("%w: health check: no port", ErrInvalid)
	case h.HTTP != nil && h.HTTP.Scheme != "" && h.HTTP.Scheme != "http" && h.HTTP.Scheme != "https":
		return fmt.Errorf("%w: health check: scheme %q: http or https", ErrInvalid, h.HTTP.Scheme)
	}
	return nil
}

// The states of a Health.
const (
	HealthStarting  = "starting" // no probe has counted yet
	Healthy         = "healthy"
	Unhealthy       = "unhealthy"
	maxProbes       = 5 // that are kept
	maxProbeMessage = 4096
)

// Health is the result of the probes of a container.
type Health struct {
	Status string  `json:"status"`           // starting, healthy, unhealthy
	Streak int     `json:"failing_streak"`   // failures in a row that count
	Probes []Probe `json:"probes,omitempty"` // the last few, the newest last
}

// A Probe is one result.
type Probe struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Error string    `json:"error,omitempty"` // "" means success

	ExitCode int    `json:"exit_code,omitempty"` // of the command; -1: it did not exit by itself
	Output   string `json:"output,omitempty"`    // the beginning of the command's output
}

// With returns h with a probe's result added; counts says whether a failure counts.
func (h Health) With(p Probe, counts bool, failures int) Health {
	p.Error, p.Output = p.Error[:min(len(p.Error), maxProbeMessage)], p.Output[:min(len(p.Output), maxProbeMessage)]
	h.Probes = append(append([]Probe(nil), h.Probes[max(0, len(h.Probes)-maxProbes+1):]...), p)
	switch {
	case p.Error == "":
		h.Status, h.Streak = Healthy, 0
	case counts:
		if h.Streak++; h.Streak >= failures {
			h.Status = Unhealthy
		}
	}
	return h
}
