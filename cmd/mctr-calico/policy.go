package main

import (
	"fmt"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
	"github.com/mctr/mctr/internal/commandline"
)

func (a *app) policyCommand() *cobra.Command {
	var at address
	global := false
	where := func() address {
		at.kind = v3.KindNetworkPolicy
		if global {
			at.kind = v3.KindGlobalNetworkPolicy
		}
		return at
	}
	remove, show := a.removeCommand("policies", where), a.showCommand("a policy", where)
	for _, c := range []*cobra.Command{remove, show} {
		c.Flags().BoolVar(&global, "global", false, "a policy without a namespace")
		c.Flags().StringVarP(&at.namespace, "namespace", "n", calico.DefaultNamespace, "`NAMESPACE` of the policy")
	}
	remove.Example = "  mctr network policy rm servers"
	show.Example = "  mctr network policy show servers >servers.yaml"
	list := a.listCommand("policies", []string{v3.KindNetworkPolicy, v3.KindGlobalNetworkPolicy}, policyColumns)
	list.Example = "  mctr network policy ls --json | jq .spec"
	cmd := commandline.Group("policy", "Manage policies of a Calico network: which containers may connect",
		a.policyApplyCommand(), remove, list, show)
	cmd.Example = `  mctr network policy apply servers --selector 'role == "server"' --allow tcp:9000 --from 'role == "client"'
  mctr network policy ls`
	return cmd
}

// policyFlags has the values of the flags that describe one policy.
type policyFlags struct {
	policy   calico.Policy
	labels   []string
	from, to []string
	order    float64
}

func (a *app) policyApplyCommand() *cobra.Command {
	f := &policyFlags{}
	var file string
	var dry bool
	cmd := &cobra.Command{
		Use:   "apply [flags] NAME | -f FILE",
		Short: "Create or change policies",
		Long: `Create or change a policy that flags describe, or the policies in a file. Once a policy
selects a container, traffic that no policy allows is denied. The rules apply in the
order of the flags.

A selector has terms such as role == "server", has(role) or role in {"a", "b"}, and the
operators &&, || and !. The labels of a container are set with "mctr run --network
NET:label=KEY=VALUE". A policy applies to all networks of one etcd; without --selector
and --label, it selects all containers of --network.`,
		Example: `  mctr network policy apply servers --network prod --selector 'role == "server"' --allow tcp:9000 --from 'role == "client"'
  mctr network policy apply alone --label app=/prod/bench
  mctr network policy apply out --deny tcp:25 --allow all --to 0.0.0.0/0
  mctr network policy apply -f policies.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			resources, err := a.policies(cmd, f, file, args)
			if err != nil {
				return err
			}
			return a.keep(cmd.Context(), (*calico.Client).Apply, dry, resources...)
		},
	}
	set := cmd.Flags()
	set.StringVarP(&file, "filename", "f", "",
		"`FILE` with NetworkPolicy and GlobalNetworkPolicy resources in YAML or JSON; -: stdin")
	set.BoolVar(&dry, "dry-run", false, "print the resources without applying them")
	set.StringVar(&f.policy.Selector, "selector", "", "`SELECTOR` of the containers that the policy applies to")
	set.StringArrayVarP(&f.labels, "label", "l", nil,
		"label `KEY=VALUE` of the containers that the policy applies to")
	rules := []*ruleFlag{{rules: &f.policy.Rules}, {rules: &f.policy.Rules, deny: true}}
	set.Var(rules[0], "allow", "`PROTOCOL[:PORT,PORT-PORT]` to allow: tcp, udp, sctp, icmp, a number, or all")
	set.Var(rules[1], "deny", "`PROTOCOL[:PORT,PORT-PORT]` to deny; has precedence over later flags")
	set.StringArrayVar(&f.from, "from", nil,
		"`SELECTOR|NETWORK` of the senders that the rules apply to; may be repeated (default: any)")
	set.StringArrayVar(&f.to, "to", nil,
		"`SELECTOR|NETWORK` of the receivers, for outgoing traffic; all() and 0.0.0.0/0 stand for any")
	set.Float64Var(&f.order, "order", 0, "policies of lower order apply first (default: after policies with an order)")
	set.BoolVar(&f.policy.Global, "global", false,
		"create a policy without a namespace, which also applies to host endpoints")
	set.StringVarP(&f.policy.Namespace, "namespace", "n", "",
		"`NAMESPACE` of the policy (default: the one of all containers, "+calico.DefaultNamespace+")")
	return cmd
}

// policies returns the policies in the file, or the one that the flags describe.
func (a *app) policies(cmd *cobra.Command, f *policyFlags, file string, args []string) ([]calico.Resource, error) {
	if file != "" {
		for _, flag := range []string{"selector", "label", "allow", "deny", "from", "to", "order", "global",
			"namespace"} {
			if cmd.Flags().Changed(flag) || len(args) > 0 {
				return nil, fmt.Errorf("%w: -f cannot be combined with NAME or --%s",
					mctr.ErrInvalid, flag)
			}
		}
		return readFile(file, v3.KindNetworkPolicy, v3.KindGlobalNetworkPolicy)
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: want a NAME, or -f FILE", mctr.ErrInvalid)
	}
	if err := a.complete(f, args[0]); err != nil {
		return nil, err
	}
	if cmd.Flags().Changed("order") {
		f.policy.Order = &f.order
	}
	r, err := f.policy.Resource()
	return []calico.Resource{r}, err
}

// complete sets the fields of the policy that follow from several flags.
func (a *app) complete(f *policyFlags, name string) error {
	p := &f.policy
	p.Name = name
	if f.from != nil && f.to != nil {
		return fmt.Errorf("%w: --from is for incoming and --to for outgoing traffic: create one policy for each, "+
			"or use -f", mctr.ErrInvalid)
	}
	p.Outgoing = f.to != nil
	p.Peers = append(f.from, f.to...)
	labels, err := parseLabels(f.labels)
	if err != nil {
		return err
	}
	switch {
	case labels != nil && p.Selector != "":
		p.Selector = calico.Both(p.Selector, calico.SelectorOf(labels))
	case labels != nil:
		p.Selector = calico.SelectorOf(labels)
	case p.Selector == "":
		network, err := a.findNetwork()
		if err != nil {
			return err
		}
		p.Selector = calico.SelectorOfNetwork(network.name)
	}
	return nil
}

func parseLabels(texts []string) (map[string]string, error) {
	var labels map[string]string
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || calico.Label(key) == "" {
			return nil, fmt.Errorf("%w: --label %q: want KEY=VALUE", mctr.ErrInvalid, text)
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[key] = value
	}
	return labels, nil
}

// A ruleFlag is the flag --allow or --deny. Both append to the same list, in the order of the command
// line.
type ruleFlag struct {
	rules *[]calico.Rule
	deny  bool
}

func (f *ruleFlag) String() string { return "" }
func (f *ruleFlag) Type() string   { return "rule" }
func (f *ruleFlag) Set(text string) error {
	r, err := calico.ParseRule(text)
	r.Deny = f.deny
	*f.rules = append(*f.rules, r)
	return err
}

var policyColumns = []column{
	{"NAME", calico.Resource.GetName},
	{"NAMESPACE", calico.Resource.GetNamespace},
	{"ORDER", func(r calico.Resource) string { return order(specOf(r).Order) }},
	{"TYPES", func(r calico.Resource) string { return types(specOf(r).Types) }},
	{"SELECTOR", func(r calico.Resource) string { return specOf(r).Selector }},
}

// specOf returns the part of the spec that policies of both kinds have.
func specOf(r calico.Resource) v3.NetworkPolicySpec {
	switch p := r.(type) {
	case *v3.NetworkPolicy:
		return p.Spec
	case *v3.GlobalNetworkPolicy:
		return v3.NetworkPolicySpec{Order: p.Spec.Order, Types: p.Spec.Types, Selector: p.Spec.Selector}
	}
	return v3.NetworkPolicySpec{}
}

func order(o *float64) string {
	if o == nil {
		return ""
	}
	return strconv.FormatFloat(*o, 'g', -1, 64)
}

func types(list []v3.PolicyType) string {
	var words []string
	for _, t := range list {
		words = append(words, string(t))
	}
	return strings.Join(words, ",")
}
