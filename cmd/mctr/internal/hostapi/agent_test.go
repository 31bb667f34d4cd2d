package hostapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
)

// TestAgentRefuses checks that every global flag either has an effect with --agent or is refused.
func TestAgentRefuses(t *testing.T) {
	heeded := []string{"agent", "log-level", "log-format"}
	f := pflag.NewFlagSet("mctr", pflag.ContinueOnError)
	(&Host{}).GlobalFlags(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if slices.Contains(heeded, flag.Name) || slices.Contains(flags.AgentOnly, flag.Name) {
			return
		}
		h := &Host{}
		cmd := &cobra.Command{Use: "ps"}
		h.GlobalFlags(cmd.Flags())
		value := "1s"
		if err := cmd.ParseFlags([]string{"--agent", "unix:///nowhere", "--" + flag.Name, value}); err != nil {
			t.Fatal(err)
		}
		err := flags.Check(cmd, h.Agent.Address)
		if err == nil || !strings.Contains(err.Error(), "--"+flag.Name+" with --agent") {
			t.Errorf("--%s beside --agent: %v", flag.Name, err)
		}
	})
}
