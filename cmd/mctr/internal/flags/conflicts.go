package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// A Conflict is a flag that has no meaning together with another flag. The command refuses it,
// because a flag that is silently ignored misleads. A config that is not valid is refused by the
// library, for all its callers.
type Conflict struct {
	Commands    string // names of the commands, separated by spaces
	Flag        string
	Beside      string // a flag, or FLAG=VALUE
	why, remedy string
}

// Conflicts has the flags that are refused together with others.
var Conflicts = []Conflict{
	{"run create", "pull", "no-image", "the container has no image to pull", ""},
	{"run create", "platform", "no-image", "the container has no image", ""},
	{"run create", "publish-all", "no-image", "only an image can expose ports", "publish them with -p"},
	{"run create", "log-opt", "log-driver=none", "no log is kept", ""},
	{"run", "sig-proxy", "detach", "this command exits and cannot forward signals", ""},
	{"run", "detach-keys", "detach", "this command is already detached", ""},
	{"exec", "interactive", "detach", "this command exits and cannot forward its input", ""},
	{"attach", "detach-keys", "no-stdin", "this command reads no keys", "end the command with a signal"},
	{"ps", "last", "latest", "--latest selects one container", ""},
	{"stop", "timeout", "time", "both flags mean the same", ""},
}

// groupFlags are the flags of run that are allowed with --group. The file has everything else.
var groupFlags = []string{"group", "name", "rm", "detach", "quiet"}

// localFlags are the global flags that configure containers and images on this host. They are refused
// with --agent.
var localFlags = []string{"root", "state", "backend", "plain-http", "hosts-dir", "cni-config-dir", "cni-plugin-dir",
	"cni-timeout", "cgroup-manager"}

// AgentOnly are the global flags that are needed only to connect to an agent.
var AgentOnly = []string{"agent-token-file", "agent-tls-ca", "agent-tls-cert", "agent-tls-key"}

// Check refuses flags that have no meaning beside the other flags. agent is the address of the agent
// that the command works on, or "" for this host.
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

// Positive are the numeric flags that must be more than 0, so that an explicit 0 is not taken for an
// omitted flag.
var Positive = []string{
	"health-interval", "health-timeout", "health-retries", "health-start-interval", "health-tcp",
	"ready-interval", "ready-timeout", "ready-retries", "ready-tcp",
	"listen-interval", "max-completion-time", "cni-timeout", "mtu", "vni", "port",
	"disk-inodes", "inodes",
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

// isGiven reports whether a flag was given, and a boolean one as true. For FLAG=VALUE it reports
// whether the flag has that value.
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

// onlyOf refuses flags of the command, except global ones, that are not in the list.
func onlyOf(f *pflag.FlagSet, list []string) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		if err == nil && !slices.Contains(list, flag.Name) && flag.Annotations[Global] == nil {
			err = fmt.Errorf("%w: --%s beside --group: set it in the file, for each task or in \"root\" for all",
				mctr.ErrInvalid, flag.Name)
		}
	})
	return err
}

// Global is the annotation of global flags.
const Global = "mctr_global"

// checkAgentFlags refuses flags for this host if the command works on an agent, and flags for an agent
// if it does not.
func checkAgentFlags(f *pflag.FlagSet, agent string) error {
	for _, name := range localFlags {
		if agent != "" && isGiven(f, name) {
			return &mctr.UnsupportedError{
				Feature: "--" + name + " with --agent", Why: "the agent at " + agent + " has its own setting",
				Remedy: "set it for mctr-agent, or run the command on that host, without --agent and MCTR_AGENT",
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
