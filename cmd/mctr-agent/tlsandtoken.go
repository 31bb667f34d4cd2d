package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/mctr/mctr"
)

// leastToken is the minimum length of a token: 16 random bytes in hex.
const leastToken = 32

// security reads the token and certificates for tcp. A client of the API has the rights of root on this
// host, so that every client on tcp must be authenticated.
func (f *flags) security() (err error) {
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return fmt.Errorf("%w: --tls-cert and --tls-key need each other", mctr.ErrInvalid)
	}
	if f.tlsClientCA != "" && f.tlsCert == "" {
		return fmt.Errorf("%w: --tls-client-ca needs --tls-cert and --tls-key", mctr.ErrInvalid)
	}
	if f.tokenFile != "" {
		if f.token, err = newReloadable(f.host.Log, f.readToken, f.tokenFile); err != nil {
			return err
		}
	}
	if f.tlsCert != "" {
		f.certificates, err = newReloadable(f.host.Log, f.readTLS, f.tlsCert, f.tlsKey, f.tlsClientCA)
	}
	return err
}

func (f *flags) readToken() (string, error) {
	info, err := os.Stat(f.tokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: --token-file %s: other users than its owner have access (chmod 600)",
			mctr.ErrInvalid, f.tokenFile)
	}
	data, err := os.ReadFile(f.tokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < leastToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%w: --token-file %s: want one token of at least %d characters (openssl rand -hex 32)",
			mctr.ErrInvalid, f.tokenFile, leastToken)
	}
	return token, nil
}

// protects fails if clients at a tcp address would not be authenticated, or their token could be read
// on the network.
func (f *flags) protects(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: --listen tcp://%s: %w", mctr.ErrInvalid, address, err)
	}
	ip := net.ParseIP(host)
	loopback := host == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case f.tlsClientCA == "" && f.token == nil:
		return fmt.Errorf("%w: --listen tcp://%s: every client would have the rights of root (give --tls-cert, "+
			"--tls-key and --tls-client-ca, or --token-file)", mctr.ErrInvalid, address)
	case f.tlsCert == "" && !loopback:
		return fmt.Errorf("%w: --listen tcp://%s: the token could be read on the network (give --tls-cert and "+
			"--tls-key, or listen on 127.0.0.1)", mctr.ErrInvalid, address)
	}
	return nil
}

func (f *flags) readTLS() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s: %w", f.tlsCert, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		SessionTicketsDisabled: true, // a ticket would stay valid after the client CA is replaced
	}
	if f.tlsClientCA == "" {
		return config, nil
	}
	data, err := os.ReadFile(f.tlsClientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%w: --tls-client-ca %s: no certificate in it", mctr.ErrInvalid, f.tlsClientCA)
	}
	return config, nil
}
