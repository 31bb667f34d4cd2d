package cephtest_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cephfs/cephtest"
)

// TestCluster: the cluster serves, has no sessions, and makes clients with keys of their own; a daemon
// that is killed serves again.
func TestCluster(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	key, err := os.ReadFile(c.Client("tenant", "/vol/a", "rw"))
	admin, errAdmin := os.ReadFile(c.KeyFile)
	if err != nil || errAdmin != nil || !strings.HasSuffix(string(key), "==\n") || string(key) == string(admin) {
		t.Errorf("the keys: %v, %v", err, errAdmin)
	}
	if n := c.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	c.Kill(cephtest.Monitor)
	if conn, err := net.Dial("tcp", c.Monitor); err == nil {
		_ = conn.Close()
		t.Error("the monitor lives")
	}
	c.Run(cephtest.Monitor)
	c.Kill(cephtest.Metadata)
	c.Run(cephtest.Metadata)
	c.WaitActive()
}
