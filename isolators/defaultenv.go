package isolators

import (
	"slices"
	"strings"
)

// The variables that every process of a container has, where neither user nor image gave them: PATH as
// docker's, HOME of its user, and TERM on a terminal.
const (
	path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	term = "TERM=xterm"
)

// WithDefaults is env with those of PATH, HOME and TERM that it lacks. The container's own
// process and every exec have their environment from here.
func WithDefaults(env []string, home string, terminal bool) []string {
	defaults := []string{path, "HOME=" + home}
	if terminal {
		defaults = append(defaults, term)
	}
	env = slices.Clip(env)
	for _, d := range defaults {
		if name, _, _ := strings.Cut(d, "="); !Has(env, name) {
			env = append(env, d)
		}
	}
	return env
}

// WithoutDefaults is env without those of PATH, HOME and TERM that given, what the image
// and the config say, lacks: another user, or another terminal, has others.
func WithoutDefaults(env, given []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return (name == "PATH" || name == "HOME" || name == "TERM") && !Has(given, name)
	})
}

// Has reports whether env has a variable.
func Has(env []string, name string) bool {
	return slices.ContainsFunc(env, func(variable string) bool { return strings.HasPrefix(variable, name+"=") })
}
