package main

import (
	"fmt"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
	"github.com/mctr/mctr/internal/commandline"
)

func (a *app) profileCommand() *cobra.Command {
	at := func() address { return address{kind: v3.KindProfile} }
	list, show, remove := a.listCommand("profiles", []string{v3.KindProfile}, profileColumns),
		a.showCommand("a profile", at), a.removeCommand("profiles", at)
	list.Example = "  mctr network profile ls"
	show.Example = "  mctr network profile show prod"
	remove.Long = "Delete profiles. Calico creates the profile of the network again for the next container;\n" +
		"until then, existing containers cannot be reached."
	remove.Example = "  mctr network profile rm prod"
	cmd := commandline.Group("profile",
		"Manage the profile of a Calico network: the rules without a policy", a.profileApplyCommand(), list,
		show, remove)
	cmd.Long = `Manage the profile of a Calico network. Its rules apply to containers that no policy
selects. The profile has the name of the network. Calico creates it for the first
container; then the containers of the network can reach each other, and no other
address can reach them.`
	cmd.Example = "  mctr network profile show prod\n  mctr network profile apply prod --allow all --from " +
		"'has(prod)' --from 10.0.0.0/8"
	return cmd
}

func (a *app) profileApplyCommand() *cobra.Command {
	p := calico.Profile{}
	var file string
	var labels []string
	var dry bool
	cmd := &cobra.Command{
		Use:   "apply [flags] NETWORK | -f FILE",
		Short: "Create or change a network's profile",
		Example: "  mctr network profile apply prod --allow all --from 'has(prod)' --from 10.0.0.0/8\n" +
			"  mctr network profile apply -f prod.yaml",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			resources, err := profiles(p, labels, file, args)
			if err != nil {
				return err
			}
			return a.keep(cmd.Context(), (*calico.Client).Apply, dry, resources...)
		},
	}
	set := cmd.Flags()
	set.StringVarP(&file, "filename", "f", "", "`FILE` with Profile resources in YAML or JSON; -: stdin")
	set.BoolVar(&dry, "dry-run", false, "print the resources without applying them")
	set.StringArrayVarP(&labels, "label", "l", nil, "label `KEY=VALUE` for all containers of the network")
	set.Var(&ruleFlag{rules: &p.Rules}, "allow", "`PROTOCOL[:PORT,PORT-PORT]` to allow, or all")
	set.Var(&ruleFlag{rules: &p.Rules, deny: true}, "deny", "`PROTOCOL[:PORT,PORT-PORT]` to deny")
	set.StringArrayVar(&p.Peers, "from", nil,
		"`SELECTOR|NETWORK` of the senders that the rules apply to (default: any)")
	return cmd
}

func profiles(p calico.Profile, labels []string, file string, args []string) (all []calico.Resource, err error) {
	described := len(args) > 0 || p.Rules != nil || p.Peers != nil || labels != nil
	switch {
	case file != "" && described:
		return nil, fmt.Errorf("%w: -f cannot be combined with NETWORK or flags for a profile", mctr.ErrInvalid)
	case file != "":
		return readFile(file, v3.KindProfile)
	case len(args) == 0:
		return nil, fmt.Errorf("%w: want a NETWORK, or -f FILE", mctr.ErrInvalid)
	}
	p.Name = args[0]
	if p.Labels, err = parseLabels(labels); err != nil {
		return nil, err
	}
	r, err := p.Resource()
	return []calico.Resource{r}, err
}

var profileColumns = []column{
	{"NAME", calico.Resource.GetName},
	{"INGRESS", func(r calico.Resource) string { return count(r.(*v3.Profile).Spec.Ingress) }},
	{"EGRESS", func(r calico.Resource) string { return count(r.(*v3.Profile).Spec.Egress) }},
}

func count(rules []v3.Rule) string { return fmt.Sprintf("%d rules", len(rules)) }
