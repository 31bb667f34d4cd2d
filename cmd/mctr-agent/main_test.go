package main

import (
	"testing"

	"github.com/mctr/mctr/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }
