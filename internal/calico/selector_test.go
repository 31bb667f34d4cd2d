package calico_test

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/projectcalico/calico/libcalico-go/lib/selector"
)

// TestSelectors compares which selectors mctr and Calico accept: terms with operators between them,
// half of them with an extra word.
func TestSelectors(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	program := filepath.Join(programs(t).Mctr, "mctr-calico")
	counts := map[bool]int{}
	for range 300 {
		text := randomSelector(random)
		_, err := selector.Parse(text)
		counts[err == nil]++
		out, ours := exec.Command(program, "policy", "apply", "a", "--dry-run", "--selector", text).CombinedOutput()
		if (err == nil) != (ours == nil) {
			t.Errorf("%s: Calico says %v, mctr %s", text, err, out)
		}
	}
	if counts[true] < 100 || counts[false] < 100 {
		t.Errorf("only %d are selectors, and %d are not", counts[true], counts[false])
	}
}

func randomSelector(random *rand.Rand) string {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	term := func() string {
		return pick("", "! ", "!!") + pick("has(role)", "has( a )", "all()", "global()", `role == "x"`, `a/b.c-d!='y'`,
			`role in {"a", 'b'}`,
			`role not in {"a"}`, `role contains "x"`, `in starts with "x"`, `has ends with "&&"`, `(role == "x")`,
			`(all() || has(b))`)
	}
	words := []string{term()}
	for range random.IntN(3) {
		words = append(words, pick("&&", "||"), term())
	}
	if random.IntN(2) == 0 {
		extra := pick("role", "in", "has", `"x"`, "==", "!=", "!", "(", ")", "{", "}", ",", "&&", "||", "not in",
			"contains", "&", "=", "{}", "'", "ä", "has()", "all")
		words = slices.Insert(words, random.IntN(len(words)+1), extra)
	}
	return strings.Join(words, " ")
}
