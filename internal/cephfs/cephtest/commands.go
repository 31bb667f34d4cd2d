package cephtest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

//go:embed commands.py
var commandsScript string

// A command is a command for the monitor (ceph(8), with a key prefix), or one for commands.py itself.
type command map[string]any

// monitorCommands is a process that runs commands. One process for all commands takes a fraction of
// the time that a ceph(8) for each would take.
type monitorCommands struct {
	process *process
	mu      sync.Mutex // held during a command
	in      *json.Encoder
	out     *json.Decoder
}

func (c *Cluster) startCommands() (*monitorCommands, error) {
	// The system's Python has the bindings, whatever comes first in PATH.
	p, err := c.starter.startPiped(c.path("log.commands"), true, "/usr/bin/python3", "-c", commandsScript,
		c.path("ceph.conf"))
	if err != nil {
		return nil, err
	}
	return &monitorCommands{process: p, in: json.NewEncoder(p.stdin), out: json.NewDecoder(p.stdout)}, nil
}

// do runs a command and returns its output, if that is JSON.
func (m *monitorCommands) do(c command) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.in.Encode(c); err != nil {
		return nil, err
	}
	var answer struct {
		Output json.RawMessage `json:"output"`
		Error  string          `json:"error"`
	}
	if err := m.out.Decode(&answer); err != nil {
		return nil, fmt.Errorf("%v: %w", c, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%v: %s", c, answer.Error)
	}
	return answer.Output, nil
}

// Client makes a directory of the filesystem and a client with the capabilities caps for it, as those
// of "ceph fs authorize": r, rw or rwp. It returns a file with the client's key.
func (c *Cluster) Client(name, path, caps string) (keyFile string) {
	c.t.Helper()
	key, err := c.makeClient(name, path, caps)
	keyFile = c.path("key." + name)
	if err = errors.Join(err, os.WriteFile(keyFile, []byte(key+"\n"), 0o600)); err != nil {
		c.t.Fatal(err)
	}
	return keyFile
}

func (c *Cluster) makeClient(name, path, caps string) (key string, err error) {
	if _, err := c.commands.do(command{"mkdirs": path}); err != nil {
		return "", err
	}
	out, err := c.commands.do(command{"prefix": "fs authorize", "filesystem": Filesystem, "entity": "client." + name,
		"caps": []string{path, caps}})
	if err != nil {
		return "", err
	}
	var made []struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(out, &made); err != nil || len(made) != 1 {
		return "", fmt.Errorf("fs authorize: %s: %w", out, err)
	}
	return made[0].Key, nil
}

// Sessions returns how many clients have a session with the metadata server.
func (c *Cluster) Sessions() int {
	c.t.Helper()
	out, err := c.commands.do(command{"sessions": true})
	var sessions []any
	if err = errors.Join(err, json.Unmarshal(out, &sessions)); err != nil {
		c.t.Fatal(err)
	}
	return len(sessions)
}
