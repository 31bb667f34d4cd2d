package pid_test

import (
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/namespaces/pid"
)

func config(ns string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Namespaces: mctr.Namespaces{PID: ns}}
}

func TestConformance(t *testing.T) {
	host := config("host")
	isolatortest.Run(t, pid.New, &host)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, pid.New(), []isolatortest.Refusal{
		{Config: config("container:x"), Is: mctr.ErrInvalid, Field: "namespaces.pid container:x"},
		{Config: config("shareable"), Is: mctr.ErrInvalid, Field: "namespaces.pid shareable"},
	})
	isolatortest.Accepts(t, pid.New(), config(""), config("host"))
}

func TestPrepare(t *testing.T) {
	if got := isolatortest.JSON(t,
		isolatortest.Prepared(t, pid.New(), config("")).Spec.Linux); got != `{"namespaces":[{"type":"pid"}]}` {
		t.Errorf("private: %s", got)
	}
	if a := isolatortest.Prepared(t, pid.New(), config("host")); a.Spec.Linux != nil {
		t.Errorf("host: %+v", a.Spec.Linux)
	}
}
