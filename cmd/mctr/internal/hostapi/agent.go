package hostapi

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/client"
)

// agentFlags are the flags that select an agent. Without --agent a command works on this host.
type agentFlags struct {
	Address          string
	tokenFile        string
	tlsCA, cert, key string
	connected        *client.Client
}

func (f *agentFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.Address, "agent", os.Getenv("MCTR_AGENT"),
		"`ADDRESS` of the mctr-agent to use: unix:///PATH or tcp://HOST:PORT (default: this host, without an "+
			"agent)")
	set.StringVar(&f.tokenFile, "agent-token-file", "", "`FILE` with the token of the agent")
	set.StringVar(&f.tlsCA, "agent-tls-ca", "", "`FILE` with the CA of the agent's certificate (PEM)")
	set.StringVar(&f.cert, "agent-tls-cert", "", "`FILE` with the client certificate (PEM)")
	set.StringVar(&f.key, "agent-tls-key", "", "`FILE` with the key of the client certificate (PEM)")
}

// Remote reports whether the command works on the host of an agent.
func (h *Host) Remote() bool { return h.Agent.Address != "" }

// requireLocal fails if --agent is given, for a command that an agent cannot serve.
func (h *Host) requireLocal(what string) error {
	return h.RequireLocalBecause(what, "it needs the files of the host")
}

// RequireLocalBecause fails for this reason if --agent is given.
func (h *Host) RequireLocalBecause(what, why string) error {
	if !h.Remote() {
		return nil
	}
	return &mctr.UnsupportedError{Feature: what + " with --agent", Why: why,
		Remedy: "run it on that host, without --agent and MCTR_AGENT"}
}

// Connect returns the client of the agent. It fails if a flag is not valid.
func (f *agentFlags) Connect() (*client.Client, error) {
	if f.connected != nil {
		return f.connected, nil
	}
	o := client.Options{Address: f.Address}
	var err error
	if o.TLS, err = f.tls(); err != nil {
		return nil, err
	}
	if f.tokenFile != "" {
		token, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--agent-token-file: %w", err)
		}
		o.Token = strings.TrimSpace(string(token))
	}
	if f.connected, err = client.New(o); err != nil {
		return nil, fmt.Errorf("--agent: %w", err)
	}
	return f.connected, nil
}

func (f *agentFlags) tls() (*tls.Config, error) {
	if f.tlsCA == "" && f.cert == "" && f.key == "" {
		return nil, nil
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(f.Address, "tcp://"), ":")
	if strings.HasPrefix(f.Address, "tcp://[") {
		host, _, _ = strings.Cut(strings.TrimPrefix(f.Address, "tcp://["), "]")
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if f.tlsCA != "" {
		data, err := os.ReadFile(f.tlsCA)
		if err != nil {
			return nil, fmt.Errorf("--agent-tls-ca: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%w: --agent-tls-ca %s: no certificate in it", mctr.ErrInvalid, f.tlsCA)
		}
	}
	if f.cert == "" && f.key == "" {
		return config, nil
	}
	certificate, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--agent-tls-cert, --agent-tls-key: %w", err)
	}
	config.Certificates = []tls.Certificate{certificate}
	return config, nil
}
