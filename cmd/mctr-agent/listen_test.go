package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/testprogram"
)

// TestRefusesToListen checks that the agent refuses every address without protection, and names the
// remedy.
func TestRefusesToListen(t *testing.T) {
	h := newDirs(t)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	readable := filepath.Join(dir, "readable")
	short := filepath.Join(dir, "short")
	for path, content := range map[string]string{token: strings.Repeat("ab", 20), readable: strings.Repeat("ab", 20),
		short: "secret"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	notASocket := filepath.Join(dir, "file")
	if err := os.WriteFile(notASocket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--listen", "tcp://127.0.0.1:0"}, "--token-file"},
		{[]string{"--listen", "tcp://0.0.0.0:0", "--token-file", token}, "--tls-cert"},
		{[]string{"--listen", "tcp://:0", "--token-file", token}, "--tls-cert"},
		{[]string{"--listen", "tcp://127.0.0.1:0", "--token-file", readable}, "chmod 600"},
		{[]string{"--listen", "tcp://127.0.0.1:0", "--token-file", short}, "openssl rand"},
		{[]string{"--listen", "tcp://127.0.0.1:0", "--tls-cert", token}, "--tls-key"},
		{[]string{"--listen", "tcp://127.0.0.1:0", "--tls-client-ca", token}, "--tls-cert"},
		{[]string{"--listen", "tcp://127.0.0.1:0", "--tls-cert", token, "--tls-key", token, "--tls-client-ca", token},
			"--tls-cert " + token},
		{[]string{"--listen", "http://127.0.0.1:0"}, "unix:///PATH"},
		{[]string{"--listen", "unix://relative.sock"}, "absolute"},
		{[]string{"--listen", "unix:///" + strings.Repeat("x", 200)}, "107 bytes"},
		{[]string{"--name", "a/b"}, "--name"},
		{[]string{"--name", "cli"}, "--name"},
		{[]string{"--log-level", "loud"}, "--log-level"},
		{[]string{"--cgroup-parent", "/absolute"}, "want a path below"},
		{[]string{"--cgroup-parent", "auto"}, "with Delegate=yes"},
		{[]string{"--cgroup-parent", "a.slice"}, "--cgroup-manager systemd"},
		{[]string{"--cgroup-manager", "docker"}, "want cgroupfs or systemd"},
		{[]string{"--cgroup-manager", "systemd"}, "leave --cgroup-manager out"},
		{[]string{"--cgroup-manager", "systemd", "--cgroup-parent", "auto"}, "like a.slice"},
		{[]string{"argument"}, "argument"},
	} {
		out, err := h.command(c.flags...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: %v %s, want %s", c.flags, err, out, c.want)
		}
	}
	if exists(h.root) || exists(h.state) {
		t.Error("directories were made for nothing")
	}
	for want, flags := range map[string][]string{"not a socket": {"--listen", "unix://" + notASocket},
		"zfs": {"--backend", "zfs"}} {
		if out, err := h.command(flags...).CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v %s, want %s", flags, err, out, want)
		}
	}
	h.env = []string{"MCTR_AGENT_LOG_FORMAT=loud"}
	if out, err := h.command().CombinedOutput(); err == nil || !strings.Contains(string(out), "--log-format loud") {
		t.Errorf("from the environment: %v %s", err, out)
	}
}

// TestOneAgent checks that a second agent with the same name is refused, that an agent with another
// name can run, and that the socket of a killed agent is replaced.
func TestOneAgent(t *testing.T) {
	h := newHost(t)
	if info, err := os.Stat(h.socket()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if out, err := h.command().CombinedOutput(); err == nil || !strings.Contains(string(out), "another --name") {
		t.Errorf("a second one: %v %s", err, out)
	}
	if out, err := h.command("--name", "other", "--listen", "unix://"+h.socket()).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "another process listens") {
		t.Errorf("another one on its socket: %v %s", err, out)
	}
	h.kill()
	if _, err := os.Stat(h.socket()); err != nil {
		t.Fatal("a killed agent leaves its socket", err)
	}
	h.start()
}

// serveTCP starts the agent also on tcp, and returns the address.
func (h *host) serveTCP(flags ...string) string {
	h.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	h.flags = append([]string{"--listen", "unix://" + h.socket(), "--listen", "tcp://" + address}, flags...)
	h.start()
	return address
}

// TestToken checks that clients need the token on tcp, but not on the unix socket.
func TestToken(t *testing.T) {
	h := newDirs(t)
	file, token := filepath.Join(t.TempDir(), "token"), strings.Repeat("0123456789abcdef", 4)
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := h.serveTCP("--token-file", file)
	for _, c := range []struct {
		authorization string
		want          int
	}{{"", 401}, {"Bearer", 401}, {"Bearer ", 401}, {"Bearer " + token[1:], 401}, {"Bearer " + token + "0", 401},
		{"Basic " + token, 401}, {token, 401}, {"Bearer " + token, 200}, {"bearer " + token, 200}} {
		for _, path := range []string{"/healthz", "/metrics", "/openapi.yaml", "/files/browse?path=/containers"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", c.authorization)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != c.want {
				t.Errorf("%q %s: %d, want %d", c.authorization, path, answer.StatusCode, c.want)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if out, err := h.mctr("--agent", "tcp://"+address, "--agent-token-file", file, "ps", "-q"); err != nil ||
		out != "" {
		t.Errorf("mctr with the token: %v %s", err, out)
	}
	if out, err := h.mctr("--agent", "tcp://"+address, "ps", "-q"); err == nil ||
		!strings.Contains(out, "Authorization: Bearer") {
		t.Errorf("mctr without the token: %v %s", err, out)
	}
	if strings.Contains(h.log.String(), token) {
		t.Error("the token is in the log")
	}
}

// TestTLS checks that only clients with a certificate of the CA can connect.
func TestTLS(t *testing.T) {
	h := newDirs(t)
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	server := ca.issue(t, "server")
	address := h.serveTCP("--tls-cert", server.cert, "--tls-key", server.key, "--tls-client-ca", ca.cert)
	get := func(client *pair) error { return ca.get(t, address, client) }
	if err := get(ca.issue(t, "client")); err != nil {
		t.Errorf("a client of the authority: %v", err)
	}
	client := ca.issue(t, "cli")
	show := []string{"--agent", "tcp://" + address, "--agent-tls-ca", ca.cert, "--agent-tls-cert", client.cert,
		"--agent-tls-key", client.key}
	if out, err := h.mctr(append(show, "run", "--rm", "-q", h.image, "echo", "by TLS")...); err != nil ||
		out != "by TLS\n" {
		t.Errorf("mctr with a certificate: %v %s", err, out)
	}
	if out, err := h.mctr(show[:4]...); err != nil {
		t.Errorf("help needs no agent: %v %s", err, out)
	}
	if out, err := h.mctr(append(show[:4:4], "ps")...); err == nil {
		t.Errorf("mctr without a certificate: %s", out)
	}
	if err := get(nil); err == nil {
		t.Error("a client without a certificate was served")
	}
	if err := get(other.issue(t, "stranger")); err == nil {
		t.Error("a client of another authority was served")
	}
	if answer, err := http.Get("http://" + address + "/healthz"); err == nil {
		_ = answer.Body.Close()
		if answer.StatusCode == 200 {
			t.Error("a client without TLS was served")
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// get sends a request to the agent at address, whose certificate is signed by p, as client.
func (p *pair) get(t *testing.T, address string, client *pair) error {
	t.Helper()
	config := &tls.Config{RootCAs: p.pool(t)}
	if client != nil {
		certificate, err := tls.LoadX509KeyPair(client.cert, client.key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + address +
		"/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// TestNewCertificates replaces the certificate, key and CA one by one while the agent is running. The
// agent uses the new files only when they fit together.
func TestNewCertificates(t *testing.T) {
	h := newDirs(t)
	old, next := newAuthority(t, "old"), newAuthority(t, "next")
	server, newServer := old.issue(t, "server"), next.issue(t, "server")
	client, newClient := old.issue(t, "client"), next.issue(t, "client")
	authority := filepath.Join(t.TempDir(), "ca.pem")
	replace(t, authority, old.cert)
	address := h.serveTCP("--tls-cert", server.cert, "--tls-key", server.key, "--tls-client-ca", authority)
	if err := old.get(t, address, client); err != nil {
		t.Fatal(err)
	}
	replace(t, server.cert, newServer.cert)
	if err := old.get(t, address, client); err != nil {
		t.Errorf("between certificate and key: %v", err)
	}
	h.eventually("the log says that they do not fit", func() bool {
		return strings.Contains(h.log.String(), "using their previous content")
	})
	replace(t, server.key, newServer.key)
	if err := next.get(t, address, client); err != nil {
		t.Errorf("the new certificate: %v", err)
	}
	replace(t, authority, next.cert)
	if err := next.get(t, address, newClient); err != nil {
		t.Errorf("a client of the new authority: %v", err)
	}
	if err := next.get(t, address, client); err == nil {
		t.Error("a client of the old authority was served")
	}
}

// replace atomically replaces path with a copy of another file.
func replace(t *testing.T, path, with string) {
	t.Helper()
	data, err := os.ReadFile(with)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// TestNewToken replaces the token while the agent is running, in place and atomically.
func TestNewToken(t *testing.T) {
	h := newDirs(t)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tokens := []string{strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)}
	write(tokens[0])
	address := h.serveTCP("--token-file", file)
	want := func(token string, code int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != code {
			t.Errorf("%.1s...: %d, want %d", token, answer.StatusCode, code)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	want(tokens[0], 200)
	for n := 1; n < len(tokens); n++ {
		write(tokens[n])
		want(tokens[n], 200)
		want(tokens[n-1], 401)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	want(tokens[2], 200)
	h.eventually("the log says that others can read it", func() bool {
		return strings.Contains(h.log.String(), "chmod 600")
	})
	write("short")
	want("short", 401)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	want(tokens[2], 200)
	want("", 401)
}

// mctr returns the output of the command line with --agent.
func (h *host) mctr(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, testprogram.Find(h.t, "mctr"), args...).CombinedOutput()
	return string(out), err
}

// A pair has the files of a certificate and its key.
type pair struct {
	cert, key   string
	certificate *x509.Certificate
	private     *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *pair { return newPair(t, name, nil) }

func (p *pair) issue(t *testing.T, name string) *pair { return newPair(t, name, p) }

func (p *pair) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(p.certificate)
	return pool
}

// newPair creates a certificate that is signed by by, or by itself if by is nil.
func newPair(t *testing.T, name string, by *pair) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: by == nil,
		BasicConstraintsValid: true,
	}
	signer, parent := key, template
	if by != nil {
		signer, parent = by.private, by.certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{cert: filepath.Join(t.TempDir(), name+".pem"), private: key}
	p.key = p.cert + ".key"
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der},
		p.key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestSystemd takes the part of systemd: it passes a socket, and receives the notifications of the
// agent.
func TestSystemd(t *testing.T) {
	h := newDirs(t)
	dir := t.TempDir()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "api"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	passed, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	h.client = h.dial(filepath.Join(dir, "api"))
	h.cmd = h.command()
	h.cmd = exec.Command("sh",
		append([]string{"-c", `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"`, "sh"}, h.cmd.Args...)...)
	h.cmd.ExtraFiles = []*os.File{passed}
	h.cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"),
		"WATCHDOG_USEC=200000")
	h.log = &logText{}
	h.cmd.Stderr = h.log
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		if err := notify.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 4096); ; {
			n, err := notify.Read(buf)
			if err != nil {
				t.Fatalf("systemd did not receive %s: %v\n%s", want, err, h.log)
			}
			if strings.Contains(string(buf[:n]), want) {
				return
			}
		}
	}
	told("READY=1")
	told("WATCHDOG=1")
	told("WATCHDOG=1")
	if got := h.get(200, "/healthz"); got != "ok\n" {
		t.Errorf("health: %q", got)
	}
	if exists(h.socket()) {
		t.Error("it listens on its default socket beside the one that it was passed")
	}
	h.launch("task", "sleep 100")
	h.remove("task")
	if err := h.cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
	h.stop()
}

// TestUnit checks that systemd accepts the units, with the settings that containers need.
func TestUnit(t *testing.T) {
	dir := t.TempDir()
	var units []string
	for unit, lines := range map[string][]string{
		"mctr-agent.service": {"Type=notify", "Delegate=yes", "KillMode=process", "TasksMax=infinity",
			"WatchdogSec=60"},
		"mctr-containers.service": {"Type=forking", "Delegate=yes", "KillMode=process", "TasksMax=infinity"},
		"mctr-agent.socket":       {"SocketMode=0600"},
	} {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains(string(text), "\n"+line+"\n") {
				t.Errorf("%s: no %s", unit, line)
			}
		}
		text = bytes.Replace(text, []byte("/usr/local/bin/mctr-agent"),
			[]byte(strconv.Quote(testprogram.Find(t, "mctr-agent"))), 1)
		units = append(units, filepath.Join(dir, unit))
		if err := os.WriteFile(filepath.Join(dir, unit), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("no systemd-analyze here: the units' words are looked at, not their grammar")
		return
	}
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "mctr-") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}
