package main

import (
	"os"
	"testing"

	"github.com/mctr/mctr/internal/testns"
)

// TestMain plays the host for networks; containers have none where a test does not
// ask for one.
func TestMain(m *testing.M) {
	if err := os.Setenv("MCTR_NETWORK", "none"); err != nil {
		panic(err)
	}
	testns.Main(m)
}
