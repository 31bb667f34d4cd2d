package isolators

import (
	"slices"
	"strings"
)

// The variables that every process of a container has unless the user or the image sets them:
// docker's PATH, the HOME of the container's user, and TERM on a terminal.
const (
	path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	term = "TERM=xterm"
)

// WithDefaults returns env with those of PATH, HOME and TERM that env lacks. The container's own
// process and every exec get their environment from WithDefaults.
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

// WithoutDefaults returns env without those of PATH, HOME and TERM that given lacks. given is the
// environment of the image and the config. The defaults differ for another user or another
// terminal.
func WithoutDefaults(env, given []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return (name == "PATH" || name == "HOME" || name == "TERM") && !Has(given, name)
	})
}

// Has reports whether env has the variable called name.
func Has(env []string, name string) bool {
	return slices.ContainsFunc(env, func(variable string) bool { return strings.HasPrefix(variable, name+"=") })
}
