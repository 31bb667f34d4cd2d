package cephfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/mctr/mctr/internal/inherit"
)

// longestSocket is the longest path of a Unix socket (unix(7)).
const longestSocket = 107

// socket returns the path of ceph-fuse's administration socket, "" if it is too long for one.
func (mt *mount) socket() string {
	if path := mt.file("sock"); len(path) <= longestSocket {
		return path
	}
	return ""
}

// A clientStatus is the answer to the command "status" of an administration socket.
type clientStatus struct {
	ID          int64 `json:"id"`
	Blocklisted bool  `json:"blocklisted"`
}

// askStatus asks ceph-fuse about itself. The answer does not depend on the cluster, but a ceph-fuse that
// is stopped does not answer.
func (mt *mount) askStatus() (s clientStatus, err error) {
	if mt.socket() == "" || mt.Kernel {
		return s, errors.New("it has no administration socket")
	}
	conn, err := net.DialTimeout("unix", mt.socket(), forceTime)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	err = conn.SetDeadline(time.Now().Add(forceTime))
	if err == nil {
		_, err = io.WriteString(conn, `{"prefix":"status"}`+"\x00")
	}
	var length uint32
	if err == nil {
		err = binary.Read(conn, binary.BigEndian, &length)
	}
	if err == nil {
		err = json.NewDecoder(io.LimitReader(conn, int64(length))).Decode(&s)
	}
	return s, err
}

// askSession returns the number of the client in the cluster, or 0 if it cannot be known.
func (mt *mount) askSession() int64 {
	s, _ := mt.askStatus() // without it, a dead session ends by its timeout
	return s.ID
}

// evict asks the metadata servers to end the session of a dead client, which otherwise keeps its locks
// and capabilities until the session's timeout, 60 s by default. That needs ceph(8), and a key with
// "mds allow *". It returns what came of it.
func (mt *mount) evict(ctx context.Context) string {
	const wait = "other clients wait for its locks until the session's timeout"
	if mt.Kernel || mt.Session == 0 {
		return "the number of its session is not known: " + wait
	}
	program, err := inherit.Program("ceph")
	if err != nil {
		return "its session was not evicted, because there is no ceph(8): " + wait
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), evictTime)
	defer cancel()
	k, err := openKey(mt.Spec.KeyFile)
	if err != nil {
		return fmt.Sprintf("its session was not evicted: %v: %s", err, wait)
	}
	file := "--keyfile=" + k.path
	if k.keyring {
		file = "--keyring=" + k.path
	}
	cmd := exec.CommandContext(ctx, program, "-c", "/dev/null", "-n", "client."+mt.Spec.Client, file,
		"-m", strings.Join(mt.Spec.Monitors, ","), fmt.Sprintf("--connect-timeout=%d", int(evictTime.Seconds())),
		"tell", "mds.*", "client", "evict", fmt.Sprintf("id=%d", mt.Session))
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = []string{inherit.Path, "LC_ALL=C"}, &said, &said, forceTime
	if err = inherit.Start(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Sprintf("its session, %d, was not evicted: %v: %s: %s", mt.Session, err,
			strings.Join(strings.Fields(said.String()), " "), wait)
	}
	return fmt.Sprintf("its session, %d, was evicted", mt.Session)
}
