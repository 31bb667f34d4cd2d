package calico

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Label returns a key or a value of a task's network labels as Calico's CNI plugin writes it on the
// endpoint. Characters that a Calico label cannot have become a dash and slashes become dots; dots
// and dashes at the ends are cut off. "/prod/bench" becomes "prod.bench".
func Label(text string) string {
	text = foreign.ReplaceAllString(strings.ReplaceAll(text, "/", "."), "-")
	return strings.Trim(dots.ReplaceAllString(text, "."), ".-")
}

var (
	foreign = regexp.MustCompile(`[^-_.a-zA-Z0-9]+`)
	dots    = regexp.MustCompile(`[-.]*\.[-.]*`)
)

// SelectorOf returns a selector of the containers that have all of these labels of a task. Without
// labels it returns all(), which selects every container of the datastore's networks.
func SelectorOf(labels map[string]string) string {
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, fmt.Sprintf(`%s == "%s"`, Label(key), Label(labels[key])))
	}
	return Both(terms...)
}

// SelectorOfNetwork returns a selector of the containers of a CNI network. The network's profile
// has the network's name and gives its containers this name as a label.
func SelectorOfNetwork(name string) string { return "has(" + name + ")" }

// Both returns a selector of the containers that all of the selectors select.
func Both(selectors ...string) string {
	switch len(selectors) {
	case 0:
		return "all()"
	case 1:
		return selectors[0]
	}
	terms := slices.Clone(selectors)
	for i, s := range terms {
		if strings.Contains(s, "||") {
			terms[i] = "(" + s + ")"
		}
	}
	return strings.Join(terms, " && ")
}
