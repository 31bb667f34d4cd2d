package calico_test

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
)

func TestCheckSelector(t *testing.T) {
	for _, good := range []string{
		"", "  ", "all()", "has(role)", `role == "server"`, `role=='server'`, `role != "a" && !has(b)`,
		`(a == "b" || c == "d") && e == "f"`,
		`role in {"a", "b"}`, `role not in {'a'}`, `a/b.c-d_e contains "x"`, `a starts with "x" || b ends with "y"`,
		"!all()", "global()", "! !has(a)",
		`in == "x"`, `has == "x"`, `a == "&& || {"`,
	} {
		if err := calico.CheckSelector(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"role", `role = "server"`, `role == server`, `role == "server`, `== "a"`, `a == "b" &&`, `a == "b" & c == "d"`,
		"has()", "has(a", "all(", "(all()",
		"all())", `role in "a"`, `role in {"a"`, `role in {a}`, `a == "b" c == "d"`, "!", `ä == "x"`, `has("a")`,
		`role not {"a"}`, "$", `role == "a" || `,
	} {
		if err := calico.CheckSelector(bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
