package agenttest

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// networks checks that a network can be created, inspected, used and removed.
func networks(s *scene) {
	api := s.Networks()
	s.check(api.Create(s.ctx, "contract", cni.Definition{Internal: true, Labels: map[string]string{"a": "b"}}))
	s.want("a second one of the name", api.Create(s.ctx, "contract", cni.Definition{}), mctr.ErrExists)
	details, err := api.Inspect(s.ctx, "contract")
	if err != nil || details.Name != "contract" || details.Definition == nil || !details.Definition.Internal ||
		details.Definition.Labels["a"] != "b" {
		s.Errorf("%+v, %v", details, err)
	}
	s.check(api.Available(s.ctx, "contract"))
	config := s.config("sleep", "1000")
	config.Networks = []mctr.NetworkConfig{{Name: "contract"}}
	s.launchConfig("job", config)
	checked, err := api.Check(s.ctx, "job")
	if err != nil || len(checked) != 1 || checked[0].Network != "contract" || checked[0].Problem != "" {
		s.Errorf("%+v, %v", checked, err)
	}
	list, err := api.List(s.ctx)
	attached := 0
	for _, n := range list {
		attached += len(n.Containers["job"])
	}
	if err != nil || attached != 1 {
		s.Errorf("%+v, %v", list, err)
	}
	s.want("removal of one in use", api.Remove(s.ctx, "contract"), mctr.ErrState)
	s.remove("job")
	s.check(api.GC(s.ctx, "contract"))
	s.check(api.Remove(s.ctx, "contract"))
	_, err = api.Inspect(s.ctx, "contract")
	s.want("inspect of one that was removed", err, mctr.ErrNotFound)
}
