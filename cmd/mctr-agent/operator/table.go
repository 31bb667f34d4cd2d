package operator

import (
	"maps"
	"slices"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// table is every type of call that there is.
func (s *Server) table() map[string]call {
	return map[string]call{
		api.GetHealth:     optional(quick(s.getHealth)),
		api.GetVersion:    optional(quick(s.getVersion)),
		api.GetContainers: optional(quick(s.getContainers)),
		api.ListFiles:     quick(s.listFiles),
		api.ReadFile:      quick(s.readFile),
		api.PruneImages:   optional(plain(s.pruneImages)),

		api.LaunchContainer: launchContainer,
		api.WaitContainer:   plain(s.wait),
		api.KillContainer:   quick(s.kill),
		api.RemoveContainer: plain(s.remove),

		api.LaunchNestedContainer:        launchNested,
		api.WaitNestedContainer:          plain(s.wait),
		api.KillNestedContainer:          quick(s.kill),
		api.RemoveNestedContainer:        plain(s.remove),
		api.LaunchNestedContainerSession: records(launchSession),
		api.AttachContainerInput:         inputIsAStream,
		api.AttachContainerOutput:        records(attachOutput),

		api.FindContainer:    quick(s.find),
		api.InspectContainer: quick(s.inspect),
		api.CreateContainer:  plain(s.create),
		api.StartContainer:   startContainer,
		api.StopContainer:    plain(s.stop),
		api.DestroyContainer: plain(s.destroy),
		api.PauseContainer:   quick(of(s.Containers.Pause)),
		api.ResumeContainer:  quick(of(s.Containers.Resume)),
		api.RenameContainer:  quick(s.rename),
		api.UpdateContainer:  quick(s.update),
		api.ExecContainer:    execContainer,
		api.AttachContainer:  attachContainer,
		api.GetUsage:         quick(s.usage),
		api.ListProcesses:    quick(s.processes),
		api.ReadLogs:         messages(readLogs),
		api.WatchEvents:      optional(messages(watchEvents)),
		api.PullImage:        messages(pullImage),
		api.ListImages:       optional(quick(s.listImages)),
		api.InspectImage:     quick(s.inspectImage),
		api.RemoveImage:      plain(s.removeImage),

		api.StatPath:          quick(s.statPath),
		api.CopyFromContainer: download(copyFrom),
		api.CopyToContainer:   copyTo,

		api.LaunchGroup:     plain(s.launchGroup),
		api.DryRunContainer: plain(s.dryRun),

		api.ExamineHost: optional(plain(s.examineHost)),
		api.GetHost:     optional(quick(s.getHost)),
		api.Reconcile:   optional(plain(s.reconcile)),

		api.GetEnds:         optional(quick(s.ends)),
		api.AcknowledgeEnds: quick(s.acknowledge),

		api.TagImage:       quick(s.tagImage),
		api.LoadImages:     messages(loadImages),
		api.SaveImages:     download(saveImages),
		api.GetImagesUsage: optional(plain(s.imagesUsage)),
		api.GetDiskUsage:   plain(s.diskUsage),

		api.CreateNetwork:  plain(s.createNetwork),
		api.ListNetworks:   optional(quick(s.listNetworks)),
		api.InspectNetwork: quick(s.inspectNetwork),
		api.ProbeNetwork:   quick(s.probeNetwork),
		api.RemoveNetwork:  plain(s.removeNetwork),
		api.GCNetwork:      plain(s.gcNetwork),
		api.CheckNetworks:  plain(s.checkNetworks),
	}
}

// Calls are the types of all calls, sorted.
func Calls() []string {
	s := &Server{}
	return slices.Sorted(maps.Keys(s.table()))
}
