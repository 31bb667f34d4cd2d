package calico_test

import (
	"testing"

	"github.com/mctr/mctr/cni/calico"
)

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"k": "k", "/prod/bench": "prod.bench", "-a-": "a", "a  b": "a-b", "a..b": "a.b", "x$/y": "x.y",
		"Ünicode_1": "nicode_1", "...": "", "a-/b": "a.b", "a--b": "a--b",
	} {
		if got := calico.Label(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestSelectors(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{calico.SelectorOf(nil), "all()"},
		{calico.SelectorOf(map[string]string{"app": "/prod/bench"}), `app == "prod.bench"`},
		{calico.SelectorOf(map[string]string{"b": "2", "a/x": `"1"`}), `a.x == "1" && b == "2"`},
		{calico.SelectorOfNetwork("prod"), "has(prod)"},
		{calico.Both("has(a)", "has(b) || has(c)"), "has(a) && (has(b) || has(c))"},
		{calico.Both("has(a) || has(b)"), "has(a) || has(b)"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
		if err := calico.CheckSelector(c.got); err != nil {
			t.Error(err)
		}
	}
}
