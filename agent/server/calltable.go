package server

import (
	"maps"
	"slices"

	"github.com/mctr/mctr/agent/api"
)

// table is every type of call that there is.
func (s *Server) table() map[string]call {
	return map[string]call{
		api.GetHealth:     optional(unaryFast(s.getHealth)),
		api.GetVersion:    optional(unaryFast(s.getVersion)),
		api.GetContainers: optional(unaryFast(s.getContainers)),
		api.ListFiles:     unaryFast(s.listFiles),
		api.ReadFile:      unaryFast(s.readFile),
		api.PruneImages:   optional(unary(s.pruneImages)),

		api.LaunchContainer: launchContainer,
		api.WaitContainer:   unary(s.wait),
		api.KillContainer:   unaryFast(s.kill),
		api.RemoveContainer: unary(s.remove),

		api.LaunchNestedContainer:        launchNested,
		api.WaitNestedContainer:          unary(s.wait),
		api.KillNestedContainer:          unaryFast(s.kill),
		api.RemoveNestedContainer:        unary(s.remove),
		api.LaunchNestedContainerSession: records(launchSession),
		api.AttachContainerInput:         inputIsAStream,
		api.AttachContainerOutput:        records(attachOutput),

		api.FindContainer:    unaryFast(s.find),
		api.InspectContainer: unaryFast(s.inspect),
		api.CreateContainer:  unary(s.create),
		api.StartContainer:   startContainer,
		api.StopContainer:    unary(s.stop),
		api.DestroyContainer: unary(s.destroy),
		api.PauseContainer:   unaryFast(byID(s.Containers.Pause)),
		api.ResumeContainer:  unaryFast(byID(s.Containers.Resume)),
		api.RenameContainer:  unaryFast(s.rename),
		api.UpdateContainer:  unaryFast(s.update),
		api.ExecContainer:    execContainer,
		api.AttachContainer:  attachContainer,
		api.GetUsage:         unaryFast(s.usage),
		api.ListProcesses:    unaryFast(s.processes),
		api.ReadLogs:         messages(readLogs),
		api.WatchEvents:      optional(messages(watchEvents)),
		api.PullImage:        messages(pullImage),
		api.ListImages:       optional(unaryFast(s.listImages)),
		api.InspectImage:     unaryFast(s.inspectImage),
		api.RemoveImage:      unary(s.removeImage),

		api.StatPath:          unaryFast(s.statPath),
		api.CopyFromContainer: download(copyFrom),
		api.CopyToContainer:   copyTo,

		api.LaunchGroup:     unary(s.launchGroup),
		api.DryRunContainer: unary(s.dryRun),

		api.ExamineHost: optional(unary(s.examineHost)),
		api.GetHost:     optional(unaryFast(s.getHost)),
		api.Reconcile:   optional(unary(s.reconcile)),

		api.GetEnds:         optional(unaryFast(s.ends)),
		api.AcknowledgeEnds: unaryFast(s.acknowledge),

		api.TagImage:       unaryFast(s.tagImage),
		api.LoadImages:     messages(loadImages),
		api.SaveImages:     download(saveImages),
		api.GetImagesUsage: optional(unary(s.imagesUsage)),
		api.GetDiskUsage:   unary(s.diskUsage),

		api.CreateNetwork:  unary(s.createNetwork),
		api.ListNetworks:   optional(unaryFast(s.listNetworks)),
		api.InspectNetwork: unaryFast(s.inspectNetwork),
		api.ProbeNetwork:   unaryFast(s.probeNetwork),
		api.RemoveNetwork:  unary(s.removeNetwork),
		api.GCNetwork:      unary(s.gcNetwork),
		api.CheckNetworks:  unary(s.checkNetworks),
	}
}

// Calls are the types of all calls, sorted.
func Calls() []string {
	s := &Server{}
	return slices.Sorted(maps.Keys(s.table()))
}
