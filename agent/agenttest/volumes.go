package agenttest

import (
	"slices"

	"github.com/mctr/mctr"
)

// volumes checks that a named volume can be created, inspected, used and removed.
func volumes(s *scene) {
	api := s.Volumes()
	labels := map[string]string{"a": "b"}
	made, err := api.Create(s.ctx, mctr.NamedVolume{Name: "contract", Labels: labels})
	if err != nil || made.Name != "contract" || made.Driver != mctr.DriverLocal || made.Created.IsZero() {
		s.Errorf("%+v, %v", made, err)
	}
	again, err := api.Create(s.ctx, mctr.NamedVolume{Name: "contract", Labels: labels})
	if err != nil || !again.Created.Equal(made.Created) {
		s.Errorf("the same again: %+v, %v", again, err)
	}
	_, err = api.Create(s.ctx, mctr.NamedVolume{Name: "contract"})
	s.want("one of the name with other labels", err, mctr.ErrExists)
	unnamed, err := api.Create(s.ctx, mctr.NamedVolume{})
	if err != nil || len(unnamed.Name) != 64 {
		s.Errorf("without a name: %+v, %v", unnamed, err)
	}
	s.check(api.Remove(s.ctx, unnamed.Name))

	config := s.config("sleep", "1000")
	config.Volumes = []mctr.Volume{{Type: mctr.VolumeNamed, Source: "contract", Target: "/data"}}
	s.launchConfig("job", config)
	details, err := api.Inspect(s.ctx, "contract")
	if err != nil || details.Labels["a"] != "b" || details.Path == "" || details.Usage != nil ||
		!slices.Equal(details.Containers, []mctr.ContainerID{"job"}) {
		s.Errorf("%+v, %v", details, err)
	}
	s.want("removal of one in use", api.Remove(s.ctx, "contract"), mctr.ErrState)
	s.remove("job")
	list, err := api.List(s.ctx, true)
	if err != nil || len(list) != 1 || list[0].Name != "contract" || len(list[0].Containers) > 0 ||
		list[0].Usage == nil || list[0].Usage.Inodes == 0 {
		s.Errorf("%+v, %v", list, err)
	}
	_, err = api.Expand(s.ctx, "contract", 1<<30)
	s.want("expansion of one without a size", err, mctr.ErrState)
	s.check(api.Remove(s.ctx, "contract"))
	limited, err := api.Create(s.ctx, mctr.NamedVolume{Name: "limited", Size: 8 << 20})
	if err != nil || limited.Size != 8<<20 {
		s.Errorf("with a size: %+v, %v", limited, err)
	}
	if limited, err = api.Expand(s.ctx, "limited", 16<<20); err != nil || limited.Size != 16<<20 {
		s.Errorf("expanded: %+v, %v", limited, err)
	}
	_, err = api.Expand(s.ctx, "limited", 8<<20)
	s.want("a volume that would shrink", err, mctr.ErrInvalid)
	s.check(api.Remove(s.ctx, "limited"))
	_, err = api.Inspect(s.ctx, "contract")
	s.want("inspect of one that was removed", err, mctr.ErrNotFound)
}
