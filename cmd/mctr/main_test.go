package main

import (
	"os"
	"testing"

	"github.com/mctr/mctr/internal/testns"
)

// TestMain prepares the host for networks. Containers have no network unless a test asks for one.
func TestMain(m *testing.M) {
	if err := os.Setenv("MCTR_NETWORK", "none"); err != nil {
		panic(err)
	}
	testns.Main(m)
}
