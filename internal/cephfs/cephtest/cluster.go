// Package cephtest starts a Ceph cluster with one monitor, one OSD and one metadata server for tests,
// and stops and starts each of these daemons. It needs the Debian packages ceph-mds and ceph-fuse
// (make install-test).
//
// On disk: everything is below one temporary directory, whose path is short, because it contains Unix
// sockets. In the kernel: the daemons, which listen on loopback addresses only, and a Python process
// that sends commands to the monitor. The kernel kills all of them when the test's process ends, also
// by a signal. Nothing survives the test.
package cephtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Filesystem is the name of the cluster's CephFS.
const Filesystem = "cephfs"

// A Store is how the OSD keeps objects.
type Store string

// Memory starts in about a second, and loses everything when the OSD ends. Disk takes some four
// seconds, and keeps it.
const (
	Memory Store = "memstore"
	Disk   Store = "bluestore"
)

// A Daemon is one of the cluster's daemons.
type Daemon string

// The daemons.
const (
	Monitor  Daemon = "mon"
	OSD      Daemon = "osd"
	Metadata Daemon = "mds"
)

// commands are the daemons' command lines, without the configuration.
var commands = map[Daemon][]string{
	Monitor:  {"ceph-mon", "-f", "-i", "a"},
	OSD:      {"ceph-osd", "-f", "-i", "0"},
	Metadata: {"ceph-mds", "-f", "-i", "a"},
}

// A Cluster is a running cluster.
type Cluster struct {
	Monitor string // its address, HOST:PORT
	KeyFile string // the key of client.admin, alone in a file

	t        testing.TB
	dir      string
	starter  *starter
	running  map[Daemon]*process
	commands *monitorCommands
}

// Start starts a cluster, which ends with the test.
func Start(t testing.TB, store Store) *Cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "ceph")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: dir, starter: newStarter(), running: map[Daemon]*process{}}
	t.Cleanup(c.stop)
	if err := c.make(store); err != nil {
		t.Fatalf("start a Ceph cluster: %v\n%s", err, c.logs())
	}
	return c
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// make makes the cluster's files and starts its daemons. The OSD makes its store while the monitor
// starts.
func (c *Cluster) make(store Store) error {
	port, err := freePorts()
	if err != nil {
		return err
	}
	c.Monitor = fmt.Sprintf("127.0.0.1:%d", port)
	if err := c.configure(store, port); err != nil {
		return err
	}
	uuid := newUUID()
	c.commands, err = c.startCommands()
	if err != nil {
		return err
	}
	for _, argv := range [][]string{
		{"monmaptool", "--create", "--clobber", "--fsid", newUUID(), "--addv", "a", addresses(port), c.path("monmap")},
		{"ceph-mon", "--mkfs", "-i", "a", "--monmap", c.path("monmap"), "--keyring", c.path("keyring.mon")},
	} {
		if err := c.run(argv...); err != nil {
			return err
		}
	}
	made := make(chan error, 1)
	go func() { made <- c.run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", uuid) }()
	if err := c.start(Monitor); err != nil {
		return errors.Join(err, <-made)
	}
	_, err = c.commands.do(command{"prefix": "osd new", "uuid": uuid})
	if err := errors.Join(err, <-made); err != nil {
		return err
	}
	return c.makeFilesystem()
}

func (c *Cluster) makeFilesystem() error {
	if err := c.start(OSD); err != nil {
		return err
	}
	for _, do := range []command{
		{"prefix": "osd pool create", "pool": "meta", "pg_num": 8, "pgp_num": 8, "size": 1},
		{"prefix": "osd pool create", "pool": "data", "pg_num": 8, "pgp_num": 8, "size": 1},
		{"prefix": "fs new", "fs_name": Filesystem, "metadata": "meta", "data": "data", "force": true},
		// The locks of a client that was killed are free after this many seconds; 30 is the least allowed.
		{"prefix": "fs set", "fs_name": Filesystem, "var": "session_timeout", "val": "30"},
		{"prefix": "fs set", "fs_name": Filesystem, "var": "session_autoclose", "val": "30"},
	} {
		if _, err := c.commands.do(do); err != nil {
			return err
		}
	}
	if err := c.start(Metadata); err != nil {
		return err
	}
	_, err := c.commands.do(command{"wait": "active"})
	return err
}

// freePorts returns the first of two neighbouring TCP ports that are free, below those that the kernel
// gives to clients.
func freePorts() (int, error) {
	for seed := time.Now().UnixNano(); ; seed = seed*6364136223846793005 + 1 {
		port := 10000 + int(uint64(seed)>>33)%20000
		first, errFirst := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		second, errSecond := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		for _, l := range []net.Listener{first, second} {
			if l != nil {
				_ = l.Close()
			}
		}
		if errFirst == nil && errSecond == nil {
			return port, nil
		}
	}
}

func addresses(port int) string {
	return fmt.Sprintf("[v2:127.0.0.1:%d,v1:127.0.0.1:%d]", port, port+1)
}

// Kill kills a daemon with SIGKILL and waits until it has ended.
func (c *Cluster) Kill(d Daemon) {
	if p := c.running[d]; p != nil {
		p.kill()
		delete(c.running, d)
	}
}

// Run starts a daemon that was killed. It does not wait until the daemon serves.
func (c *Cluster) Run(d Daemon) {
	c.t.Helper()
	if err := c.start(d); err != nil {
		c.t.Fatal(err)
	}
}

// WaitActive waits until the metadata server serves.
func (c *Cluster) WaitActive() {
	c.t.Helper()
	if _, err := c.commands.do(command{"wait": "active"}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *Cluster) start(d Daemon) (err error) {
	c.running[d], err = c.starter.start(c.path("log."+string(d)), c.configured(commands[d])...)
	return err
}

// stop kills the metadata server first: at SIGTERM it would wait for seconds.
func (c *Cluster) stop() {
	for _, d := range []Daemon{Metadata, OSD, Monitor} {
		c.Kill(d)
	}
	if c.commands != nil {
		c.commands.process.kill()
	}
	c.starter.end()
	if c.t.Failed() {
		c.t.Log(c.logs())
	}
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Error(err)
	}
}

// logs returns the ends of the daemons' logs.
func (c *Cluster) logs() (text string) {
	const most = 1000
	logs, _ := filepath.Glob(c.path("log.*"))
	for _, log := range logs {
		data, _ := os.ReadFile(log)
		text += filepath.Base(log) + ": " + string(data[max(0, len(data)-most):]) + "\n"
	}
	return text
}
