package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// A Conflict is a flag that means nothing beside another one. It is refused: a flag
// that is ignored misleads. What a config cannot mean, by whatever door it comes, is
// the library's to refuse.
type Conflict struct {
	Commands    string // their names, with spaces between
	Flag        string
	Beside      string // a flag, or FLAG=VALUE
	why, remedy string
}

// Conflicts are the flags that are refused beside others.
var Conflicts = []Conflict{
	{"run create", "pull", "no-image", "there is no image to ask for", ""},
	{"run create", "platform", "no-image", "there is no image to choose", ""},
	{"run create", "publish-all", "no-image", "there is no image that exposes ports", "publish them by -p"},
	{"run create", "log-opt", "log-driver=none", "no log is kept", ""},
	{"run", "sig-proxy", "detach", "this command does not stay to pass signals on", ""},
	{"run", "detach-keys", "detach", "this command is detached from the start", ""},
	{"exec", "interactive", "detach", "this command does not stay to pass its input on", ""},
	{"attach", "detach-keys", "no-stdin", "no keys are read", "end the command by a signal"},
	{"ps", "last", "latest", "it is one", ""},
	{"stop", "timeout", "time", "they are the same", ""},
}

// groupFlags are the flags of run that mean something beside --group: the file says the rest.
var groupFlags = []string{"group", "name", "rm", "detach", "quiet"}

// localFlags are the global flags that say where containers and their images are on this
// host, and how they are made here.
var localFlags = []string{"root", "state", "backend", "plain-http", "hosts-dir", "cni-config-dir", "cni-plugin-dir",
	"cni-timeout", "cgroup-manager"}

// AgentOnly are the global flags that say how an agent is reached.
var AgentOnly = []string{"agent-token-file", "agent-tls-ca", "agent-tls-cert", "agent-tls-key"}

// Check refuses flags that another one leaves without a meaning. The agent is the address of
// the one that the command is about; "": none.
func Check(cmd *cobra.Command, agent string) error {
	f := cmd.Flags()
	for _, c := range Conflicts {
		if slices.Contains(strings.Fields(c.Commands), cmd.Name()) && isGiven(f, c.Flag) && isGiven(f, c.Beside) {
			return c.refuse()
		}
	}
	if cmd.Name() == "run" && isGiven(f, "group") {
		if err := onlyOf(f, groupFlags); err != nil {
			return err
		}
	}
	if err := checkPositive(f); err != nil {
		return err
	}
	return checkAgentFlags(f, agent)
}

// Positive are the numeric flags for which 0 is not a value: what is given is not taken for
// what is not.
var Positive = []string{
	"health-interval", "health-timeout", "health-retries", "health-start-interval", "health-tcp",
	"ready-interval", "ready-timeout", "ready-retries", "ready-tcp",
	"listen-interval", "max-completion-time", "cni-timeout", "mtu", "vni", "port",
}

func checkPositive(f *pflag.FlagSet) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		if err == nil && slices.Contains(Positive, flag.Name) &&
			(value == "0" || value == "0s" || strings.HasPrefix(value, "-")) {
			err = fmt.Errorf("%w: --%s %s: want more than 0", mctr.ErrInvalid, flag.Name, value)
		}
	})
	return err
}

func (c Conflict) refuse() error {
	err := fmt.Errorf("%w: --%s beside --%s: %s", mctr.ErrInvalid, c.Flag, strings.Replace(c.Beside, "=", " ", 1),
		c.why)
	if c.remedy != "" {
		err = fmt.Errorf("%w (%s)", err, c.remedy)
	}
	return err
}

// isGiven reports whether a flag was typed, and a boolean one as true; of FLAG=VALUE, whether
// it has that value.
func isGiven(f *pflag.FlagSet, name string) bool {
	name, value, valued := strings.Cut(name, "=")
	flag := f.Lookup(name)
	switch {
	case flag == nil:
		return false
	case valued:
		return flag.Value.String() == value
	}
	return flag.Changed && (flag.Value.Type() != "bool" || flag.Value.String() == "true" || flag.DefValue == "true")
}

// onlyOf refuses flags of the command's own that are not in the list.
func onlyOf(f *pflag.FlagSet, list []string) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		if err == nil && !slices.Contains(list, flag.Name) && flag.Annotations[Global] == nil {
			err = fmt.Errorf("%w: --%s beside --group: the file says it for each task, and \"root\" in it for all",
				mctr.ErrInvalid, flag.Name)
		}
	})
	return err
}

// Global is the annotation of flags that every command has.
const Global = "mctr_global"

// checkAgentFlags refuses what says how this host does it where an agent does.
func checkAgentFlags(f *pflag.FlagSet, agent string) error {
	for _, name := range localFlags {
		if agent != "" && isGiven(f, name) {
			return &mctr.UnsupportedError{
				Feature: "--" + name + " with --agent", Why: "the agent at " + agent + " has its own",
				Remedy: "give it to mctr-agent, or run the command there, without --agent and MCTR_AGENT",
			}
		}
	}
	for _, name := range AgentOnly {
		if agent == "" && isGiven(f, name) {
			return fmt.Errorf("%w: --%s: no agent is named (--agent ADDRESS, or MCTR_AGENT)", mctr.ErrInvalid, name)
		}
	}
	return nil
}
