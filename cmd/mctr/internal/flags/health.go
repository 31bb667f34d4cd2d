package flags

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// healthFlags are the flags of health and readiness checks.
type healthFlags struct {
	health, ready probeFlags
	startPeriod   time.Duration
	set           *pflag.FlagSet
	startInterval time.Duration
	keep, none    bool
}

// probeFlags are the flags that health and readiness checks have in common.
type probeFlags struct {
	command, http            string
	tcp                      uint16
	delay, interval, timeout time.Duration
	retries                  int
}

func (h *healthFlags) register(f *pflag.FlagSet) {
	h.health.register(f, "health", "healthy", "unhealthy")
	h.set = f
	f.DurationVar(&h.startPeriod, "health-start-period", 0,
		"time after the start in which failures do not count, until the first success (default 10s; 0: none)")
	f.DurationVar(&h.startInterval, "health-start-interval", 0,
		"time between probes in the start period, until the first success (default: the interval)")
	f.BoolVar(&h.keep, "health-keep", false, "only report; do not stop an unhealthy container")
	f.BoolVar(&h.none, "no-healthcheck", false, "no health check, not even the image's HEALTHCHECK")
	h.ready.register(f, "ready", "ready", "not ready")
}

func (p *probeFlags) register(f *pflag.FlagSet, name, good, bad string) {
	f.StringVar(&p.command, name+"-cmd", "", "probe: `COMMAND` for a shell in the container; exit code 0 means "+good)
	f.StringVar(&p.http, name+"-http", "",
		"probe: GET `[https://]:PORT[/PATH]` on the container's loopback; status 200 to 399 means "+good)
	f.Uint16Var(&p.tcp, name+"-tcp", 0, "probe: connect to `PORT` on the container's loopback")
	f.DurationVar(&p.delay, name+"-delay", 0, "time before the first probe")
	f.DurationVar(&p.interval, name+"-interval", 0, "time between probes (default 10s)")
	f.DurationVar(&p.timeout, name+"-timeout", 0, "time limit of a probe (default 20s)")
	f.IntVar(&p.retries, name+"-retries", 0, "failures in a row after which it is "+bad+" (default 3)")
}

// fill sets the checks of the config. Without a probe, the times apply to the image's HEALTHCHECK.
func (h *healthFlags) fill(c *mctr.ContainerConfig) (err error) {
	if h.ready != (probeFlags{}) {
		if c.Ready, err = h.ready.check("ready"); err != nil {
			return err
		}
	}
	switch given := h.health != (probeFlags{}) || h.grace() != nil || h.startInterval != 0 || h.keep; {
	case given && h.none:
		return fmt.Errorf("%w: --no-healthcheck cannot be combined with other health flags", mctr.ErrInvalid)
	case h.none:
		c.Health = &mctr.HealthCheck{Disabled: true}
	case given:
		return h.fillHealth(c)
	}
	return nil
}

// grace returns the start period, or nil if none was given.
func (h *healthFlags) grace() *mctr.Duration {
	if !h.set.Changed("health-start-period") {
		return nil
	}
	return new(mctr.Duration(h.startPeriod))
}

func (h *healthFlags) fillHealth(c *mctr.ContainerConfig) (err error) {
	if p := h.health; p.command == "" && p.http == "" && p.tcp == 0 {
		if h.keep || c.Image == "" {
			return fmt.Errorf("%w: health check: want --health-cmd, --health-http or --health-tcp", mctr.ErrInvalid)
		}
		c.Health = &mctr.HealthCheck{
			Image: true, Delay: mctr.Duration(p.delay), Interval: mctr.Duration(p.interval),
			StartInterval: mctr.Duration(h.startInterval), Timeout: mctr.Duration(p.timeout), Failures: p.retries,
			Grace: h.grace(),
		}
		return c.Health.Validate()
	}
	if c.Health, err = h.health.check("health"); err != nil {
		return err
	}
	c.Health.Grace, c.Health.StartInterval, c.Health.Keep = h.grace(), mctr.Duration(h.startInterval), h.keep
	return c.Health.Validate()
}

func (p *probeFlags) check(name string) (*mctr.HealthCheck, error) {
	check := &mctr.HealthCheck{
		Delay: mctr.Duration(p.delay), Interval: mctr.Duration(p.interval), Timeout: mctr.Duration(p.timeout),
		Failures: p.retries,
	}
	if p.command != "" {
		check.Command = []string{"/bin/sh", "-c", p.command}
	}
	if p.tcp != 0 {
		check.TCP = &mctr.TCPProbe{Port: p.tcp}
	}
	if p.http != "" {
		get, err := parseGet("--"+name+"-http", p.http)
		if err != nil {
			return nil, err
		}
		check.HTTP = get
	}
	if err := check.Validate(); err != nil {
		return nil, fmt.Errorf("--%s-cmd, --%s-http, --%s-tcp: %w", name, name, name, err)
	}
	return check, nil
}

// parseGet reads [http[s]://][127.0.0.1|localhost]:PORT[/PATH].
func parseGet(flag, s string) (*mctr.HTTPGet, error) {
	get := &mctr.HTTPGet{}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		get.Scheme, rest = scheme, after
	}
	address, path, _ := strings.Cut(rest, "/")
	host, port, ok := strings.Cut(address, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || host != "" && host != "localhost" && host != "127.0.0.1" {
		return nil, fmt.Errorf("%w: %s %s: want [https://]:PORT[/PATH] on the container's loopback",
			mctr.ErrInvalid, flag, s)
	}
	get.Port, get.Path = uint16(number), "/"+path
	return get, nil
}
