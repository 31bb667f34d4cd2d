package main

import (
	"testing"

	"github.com/mctr/mctr/internal/nethost"
)

func TestMain(m *testing.M) { nethost.Main(m) }
