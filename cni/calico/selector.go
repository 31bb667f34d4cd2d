package calico

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// CheckSelector checks the syntax of a selector: terms such as role == "server", has(role) or role
// in {"a", "b"}, joined by &&, || and !, with parentheses. An empty selector is valid. The error
// wraps mctr.ErrInvalid and names the place.
func CheckSelector(selector string) error {
	p := &selectorParser{}
	rest := selector
	for strings.TrimSpace(rest) != "" {
		match := word.FindStringSubmatch(rest)
		if match == nil {
			return fmt.Errorf("%w: selector %s: cannot read %q", mctr.ErrInvalid, selector, rest)
		}
		p.tokens = append(p.tokens, match[1])
		rest = rest[len(match[0]):]
	}
	if len(p.tokens) == 0 || p.alternatives() && len(p.tokens) == 0 {
		return nil
	}
	return fmt.Errorf("%w: selector %s: wrong at %q (a term is role == \"server\", has(role) or role in {\"a\"})",
		mctr.ErrInvalid, selector, strings.Join(p.tokens, " "))
}

// word matches an operator, a string, or a name of letters: a label, a function or an operator.
var word = regexp.MustCompile(`^\s*(&&|\|\||==|!=|[!(){},]|"[^"]*"|'[^']*'|[a-zA-Z0-9_./-]+)`)

// A selectorParser consumes tokens from the left. Each of its methods reports whether the tokens
// began with the element after which the method is named.
type selectorParser struct{ tokens []string }

func (p *selectorParser) alternatives() bool { return p.joined("||", p.conjunction) }
func (p *selectorParser) conjunction() bool  { return p.joined("&&", p.term) }

func (p *selectorParser) joined(operator string, part func() bool) bool {
	for part() {
		if !p.eat(operator) {
			return true
		}
	}
	return false
}

func (p *selectorParser) term() bool {
	switch {
	case p.eat("!"):
		return p.term()
	case p.eat("("):
		return p.alternatives() && p.eat(")")
	case p.eat("all", "("), p.eat("global", "("):
		return p.eat(")")
	case p.eat("has", "("):
		return p.label() && p.eat(")")
	}
	return p.label() && p.comparison()
}

func (p *selectorParser) comparison() bool {
	switch {
	case p.eat("=="), p.eat("!="), p.eat("contains"), p.eat("starts", "with"), p.eat("ends", "with"):
		return p.text()
	case p.eat("in", "{"), p.eat("not", "in", "{"):
		return p.joined(",", p.text) && p.eat("}")
	}
	return false
}

func (p *selectorParser) label() bool {
	return p.next(func(t string) bool { return !strings.ContainsRune(`&|=!(){},"'`, rune(t[0])) })
}

func (p *selectorParser) text() bool {
	return p.next(func(t string) bool { return t[0] == '"' || t[0] == '\'' })
}

// next consumes one token if wanted accepts it.
func (p *selectorParser) next(wanted func(string) bool) bool {
	if len(p.tokens) == 0 || !wanted(p.tokens[0]) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// eat consumes these tokens if all of them follow.
func (p *selectorParser) eat(tokens ...string) bool {
	if len(p.tokens) < len(tokens) || !slices.Equal(p.tokens[:len(tokens)], tokens) {
		return false
	}
	p.tokens = p.tokens[len(tokens):]
	return true
}
