package main

import (
	"os"
	"os/signal"
	"testing"

	"github.com/mctr/mctr/internal/nethost"
)

// TestMain plays the host for networks; containers have none where a test does not
// ask for one. The programs under test ignore no signal, if nohup runs the tests too.
func TestMain(m *testing.M) {
	for _, s := range deaf {
		signal.Notify(make(chan os.Signal, 1), s)
	}
	if err := os.Setenv("MCTR_NETWORK", "none"); err != nil {
		panic(err)
	}
	nethost.Main(m)
}
