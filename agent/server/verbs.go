package server

import (
	"context"
	"io"
	"reflect"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
)

// A Kind says how a call is answered.
type Kind int

// The kinds of calls.
const (
	Quick    Kind = iota // by one message, within quickTime
	Unary                // by one message, when plugins and disks have done their work
	Waits                // by one message, when a container or a launch has come so far
	Stream               // by records, until there are no more
	Upgrade              // by a connection that becomes a container's streams, where the caller asks for these
	Download             // by an archive
	Upload               // by one message, when all that the call brings was read
)

// long reports whether a call lasts as long as what it waits for or carries: its time says
// nothing of how fast the agent is.
func (k Kind) long() bool { return k >= Waits }

// A Verb is one type of call.
type Verb struct {
	Name     string
	Kind     Kind
	Message  reflect.Type // of the arguments; nil: there are none
	Answer   reflect.Type // of the answer or, of a Stream, of each record; nil: there is none
	Optional bool         // the arguments may be left out
	Archive  bool         // the call brings an archive

	serve func(x *exchange) error
}

// declarations declares every call.
func (s *Server) declarations() []Verb {
	host, images, networks := hostCalls{s}, imageCalls{s.Local}, networkCalls{s.Local}
	return []Verb{
		unary(api.GetHealth, Quick, host.health),
		unary(api.GetVersion, Quick, host.version),
		optional(unary(api.GetContainers, Quick, s.getContainers)),

		launch(api.LaunchContainer, (*exchange).launchContainer),
		unary(api.WaitContainer, Waits, s.wait),
		unary(api.KillContainer, Quick, s.kill),
		unary(api.RemoveContainer, Waits, s.remove),
		launch(api.LaunchNestedContainer, (*exchange).launchNested),
		unary(api.WaitNestedContainer, Waits, s.wait),
		unary(api.KillNestedContainer, Quick, s.kill),
		unary(api.RemoveNestedContainer, Waits, s.remove),
		records[api.Session, api.ProcessIO](api.LaunchNestedContainerSession, launchSession),
		recordsIn(api.AttachContainerInput),
		records[api.ID, api.ProcessIO](api.AttachContainerOutput, attachOutput),

		unary(api.ListFiles, Quick, host.listFiles),
		unary(api.ReadFile, Quick, host.readFile),
		optional(unary(api.PruneImages, Unary, images.prune)),

		unary(api.FindContainer, Quick, s.find),
		unary(api.InspectContainer, Quick, byID(s, agent.Containers.Status)),
		unary(api.CreateContainer, Waits, s.create),
		launch(api.StartContainer, (*exchange).startContainer),
		unary(api.StopContainer, Waits, s.stop),
		unary(api.DestroyContainer, Waits, s.destroy),
		unary(api.PauseContainer, Quick, onID(s, agent.Containers.Pause)),
		unary(api.ResumeContainer, Quick, onID(s, agent.Containers.Resume)),
		unary(api.RenameContainer, Quick, s.rename),
		unary(api.UpdateContainer, Quick, s.update),
		launch(api.ExecContainer, (*exchange).execContainer),
		launch(api.AttachContainer, (*exchange).attachContainer),
		unary(api.GetUsage, Quick, byID(s, agent.Containers.Usage)),
		unary(api.ListProcesses, Quick, s.processes),
		messages(api.ReadLogs, readLogs),
		optional(messages(api.WatchEvents, watchEvents)),

		messages(api.PullImage, pullImage),
		unary(api.ListImages, Quick, images.list),
		unary(api.InspectImage, Quick, images.inspect),
		unary(api.RemoveImage, Unary, images.remove),

		unary(api.StatPath, Quick, s.statPath),
		download(api.CopyFromContainer, copyFrom),
		upload(api.CopyToContainer, copyTo),

		unary(api.ExamineHost, Unary, host.examine),
		unary(api.GetHost, Quick, host.facts),
		optional(unary(api.Reconcile, Unary, host.reconcile)),
		unary(api.GetEnds, Quick, s.ends),
		unary(api.AcknowledgeEnds, Quick, s.acknowledge),
		unary(api.LaunchGroup, Waits, s.launchGroup),
		unary(api.DryRunContainer, Waits, s.dryRun),

		unary(api.TagImage, Quick, images.tag),
		bringing(messages(api.LoadImages, loadImages)),
		download(api.SaveImages, saveImages),
		unary(api.GetImagesUsage, Unary, images.usage),
		unary(api.GetDiskUsage, Unary, byID(s, agent.Containers.DiskUsage)),

		unary(api.CreateNetwork, Unary, networks.create),
		unary(api.ListNetworks, Quick, networks.list),
		unary(api.InspectNetwork, Quick, networks.inspect),
		unary(api.ProbeNetwork, Quick, networks.named(agent.Networks.Available)),
		unary(api.RemoveNetwork, Unary, networks.named(agent.Networks.Remove)),
		unary(api.GCNetwork, Unary, networks.named(agent.Networks.GC)),
		unary(api.CheckNetworks, Unary, networks.check),
	}
}

// Verbs returns all calls in the order of their declaration.
func Verbs() []Verb { return (&Server{}).declarations() }

// Calls returns the names of all calls, sorted.
func Calls() []string {
	var names []string
	for _, v := range Verbs() {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// empty is the message of a call that takes no arguments, and the answer of one that has none.
type empty struct{}

// declare returns a verb whose messages are of type In. What does not depend on that type is
// left to methods of exchange, which are compiled once.
func declare[In any](name string, kind Kind, answer reflect.Type, serve func(x *exchange, in In) error) Verb {
	v := Verb{Name: name, Kind: kind, Message: reflect.TypeFor[In](), Answer: answer}
	if v.Optional = v.Message == reflect.TypeFor[empty](); v.Optional {
		v.Message = nil
	}
	if v.Answer == reflect.TypeFor[empty]() {
		v.Answer = nil
	}
	v.serve = func(x *exchange) error {
		var in In
		if err := x.decode(&in); err != nil {
			return err
		}
		return serve(x, in)
	}
	return v
}

// optional is a verb whose arguments may be left out.
func optional(v Verb) Verb {
	v.Optional = true
	return v
}

// bringing is a verb whose call brings an archive.
func bringing(v Verb) Verb {
	v.Archive = true
	return v
}

// unary is a verb that is answered by one message, if any.
func unary[In, Out any](name string, kind Kind, do func(ctx context.Context, in In) (Out, error)) Verb {
	return declare(name, kind, reflect.TypeFor[Out](), func(x *exchange, in In) error {
		return x.unary(func(ctx context.Context) (any, error) { return do(ctx, in) })
	})
}

// byID returns the handler of a call that answers with what do returns for the named container.
func byID[Out any](s *Server, do func(agent.Containers, context.Context, mctr.ContainerID) (Out, error),
) func(context.Context, api.ID) (Out, error) {
	return func(ctx context.Context, in api.ID) (Out, error) { return do(s.Local, ctx, in.ContainerID.ID()) }
}

// onID returns the handler of a call that does something to the named container.
func onID(s *Server, do func(agent.Containers, context.Context, mctr.ContainerID) error,
) func(context.Context, api.ID) (empty, error) {
	return func(ctx context.Context, in api.ID) (empty, error) {
		return empty{}, do(s.Local, ctx, in.ContainerID.ID())
	}
}

// launch is a verb that runs a process, or joins one, whose streams the connection may become.
func launch[In any](name string, do func(x *exchange, in In) error) Verb {
	return declare(name, Upgrade, nil, do)
}

// download is a verb that is answered by an archive.
func download[In any](name string, do func(x *exchange, in In, w io.Writer) error) Verb {
	return declare(name, Download, nil, func(x *exchange, in In) error {
		return x.download(func(w io.Writer) error { return do(x, in, w) })
	})
}

// upload is a verb that brings an archive.
func upload[In any](name string, do func(x *exchange, in In, r io.Reader) error) Verb {
	return bringing(declare(name, Upload, nil, func(x *exchange, in In) error {
		if err := x.archive(func(r io.Reader) error { return do(x, in, r) }); err != nil {
			return err
		}
		return x.answer(empty{})
	}))
}

// records is a verb that is answered by records of type Out, until do returns.
func records[In, Out any](name string, do func(x *exchange, in In, out *output) error) Verb {
	return declare(name, Stream, reflect.TypeFor[Out](), func(x *exchange, in In) error {
		return do(x, in, &output{x: x})
	})
}

// messages is records for streams of mctr's own, whose error is their last record.
func messages[In any](name string, do func(x *exchange, in In, out *output) error) Verb {
	return records[In, api.StreamMessage](name, func(x *exchange, in In, out *output) error {
		return out.finish(do(x, in, out))
	})
}

// recordsIn is the verb whose body is a stream of records: see attachInput. A body that is one
// call has no input in it.
func recordsIn(name string) Verb {
	v := declare[api.Input](name, Upload, nil, nil)
	v.serve = inputIsAStream
	return v
}

// media is what a call of this kind is answered in; "": what its handler says.
func (k Kind) media() string {
	switch k {
	case Quick, Unary, Waits:
		return api.JSON
	case Stream:
		return api.RecordIO
	case Download:
		return api.Tar
	}
	return ""
}
