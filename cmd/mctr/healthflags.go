package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// healthFlags are docker's, and those of the probes that docker lacks.
type healthFlags struct {
	command, http                         string
	tcp                                   uint16
	interval, timeout, startPeriod, delay time.Duration
	retries                               int
	keep                                  bool
}

func (h *healthFlags) register(f *pflag.FlagSet) {
	f.StringVar(&h.command, "health-cmd", "", "probe: `COMMAND` for a shell in the container; exit code 0 is healthy")
	f.StringVar(&h.http, "health-http", "", "probe: GET `[https://]:PORT[/PATH]` on the container's loopback; status 200 to 399 is healthy")
	f.Uint16Var(&h.tcp, "health-tcp", 0, "probe: connect to `PORT` on the container's loopback")
	f.DurationVar(&h.delay, "health-delay", 0, "before the first probe")
	f.DurationVar(&h.interval, "health-interval", 0, "between two probes (default 10s)")
	f.DurationVar(&h.timeout, "health-timeout", 0, "of one probe (default 20s)")
	f.DurationVar(&h.startPeriod, "health-start-period", 0, "in which failures do not count until the first success (default 10s)")
	f.IntVar(&h.retries, "health-retries", 0, "failures in a row that are unhealthy (default 3)")
	f.BoolVar(&h.keep, "health-keep", false, "only tell; an unhealthy container is not ended")
}

// fill gives the config its check. Nobody probes a container that is left alone.
func (h *healthFlags) fill(c *mctr.ContainerConfig) error {
	if *h == (healthFlags{}) {
		return nil
	}
	check := &mctr.HealthCheck{
		Delay: h.delay, Interval: h.interval, Timeout: h.timeout, Grace: h.startPeriod, Failures: h.retries, Keep: h.keep,
	}
	if h.command != "" {
		check.Command = []string{"/bin/sh", "-c", h.command}
	}
	if h.tcp != 0 {
		check.TCP = &mctr.TCPProbe{Port: h.tcp}
	}
	if h.http != "" {
		get, err := parseGet(h.http)
		if err != nil {
			return err
		}
		check.HTTP = get
	}
	if err := check.Validate(); err != nil {
		return fmt.Errorf("--health-cmd, --health-http, --health-tcp: %w", err)
	}
	c.Health = check
	return nil
}

// parseGet reads [http[s]://][127.0.0.1|localhost]:PORT[/PATH].
func parseGet(s string) (*mctr.HTTPGet, error) {
	get := &mctr.HTTPGet{}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		get.Scheme, rest = scheme, after
	}
	address, path, _ := strings.Cut(rest, "/")
	host, port, ok := strings.Cut(address, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || host != "" && host != "localhost" && host != "127.0.0.1" {
		return nil, fmt.Errorf("%w: --health-http %s: want [https://]:PORT[/PATH], on the container's own loopback", mctr.ErrInvalid, s)
	}
	get.Port, get.Path = uint16(number), "/"+path
	return get, nil
}

// watched refuses what somebody must watch for a container that is left alone.
func watched(c *mctr.ContainerConfig, detach bool) error {
	if c.Health != nil && detach {
		return fmt.Errorf("%w: a health check with --detach: nobody would probe (run it in the foreground, or by an agent)", mctr.ErrUnsupported)
	}
	return nil
}
