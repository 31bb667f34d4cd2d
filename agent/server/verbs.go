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

// A Kind is the way in which a call is answered.
type Kind int

// The kinds of calls.
const (
	Quick    Kind = iota // one message within quickTime
	Unary                // one message, after work of plugins or disks
	Waits                // one message, after waiting for a container
	Stream               // a stream of records
	Upgrade              // if the client asks for it, the connection becomes the streams of a container
	Download             // an archive
	Upload               // one message, after the whole body was read
)

// long reports whether the duration of a call depends on what it waits for or transfers, and not on
// the speed of the agent.
func (k Kind) long() bool { return k >= Waits }

// A Verb declares one type of call.
type Verb struct {
	Name     string
	Kind     Kind
	Message  reflect.Type // type of the arguments; nil: the call has none
	Answer   reflect.Type // type of the answer or, for a Stream, of each record; nil: no answer
	Optional bool         // the arguments may be omitted
	Archive  bool         // an archive follows the call

	serve func(x *exchange) error
}

// declarations declares every call.
func (s *Server) declarations() []Verb {
	return slices.Concat(s.containerVerbs(), hostCalls{s}.verbs(), imageCalls{s.Local}.verbs(),
		networkCalls{s.Local}.verbs(), volumeCalls{s.Local}.verbs())
}

func (s *Server) containerVerbs() []Verb {
	return []Verb{
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
		unary(api.GetDiskUsage, Unary, byID(s, agent.Containers.DiskUsage)),
		unary(api.ListProcesses, Quick, s.processes),
		messages(api.ReadLogs, readLogs),
		optional(messages(api.WatchEvents, watchEvents)),
		unary(api.GetEnds, Quick, s.ends),
		unary(api.AcknowledgeEnds, Quick, s.acknowledge),
		unary(api.LaunchGroup, Waits, s.launchGroup),
		unary(api.DryRunContainer, Waits, s.dryRun),

		unary(api.StatPath, Quick, s.statPath),
		download(api.CopyFromContainer, copyFrom),
		upload(api.CopyToContainer, copyTo),
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

// empty is the message of a call without arguments, and the answer of a call without an answer.
type empty struct{}

// declare returns a verb whose arguments are of type In. Code that does not depend on that type is in
// methods of exchange, so that it is compiled only once.
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

// optional makes the arguments of a verb optional.
func optional(v Verb) Verb {
	v.Optional = true
	return v
}

// bringing declares that an archive follows the call.
func bringing(v Verb) Verb {
	v.Archive = true
	return v
}

// unary declares a call that is answered by one message, or none.
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

// launch declares a call that runs a process or attaches to one. The connection may become the streams
// of the process.
func launch[In any](name string, do func(x *exchange, in In) error) Verb {
	return declare(name, Upgrade, nil, do)
}

// download declares a call that is answered by an archive.
func download[In any](name string, do func(x *exchange, in In, w io.Writer) error) Verb {
	return declare(name, Download, nil, func(x *exchange, in In) error {
		return x.download(func(w io.Writer) error { return do(x, in, w) })
	})
}

// upload declares a call that an archive follows.
func upload[In any](name string, do func(x *exchange, in In, r io.Reader) error) Verb {
	return bringing(declare(name, Upload, nil, func(x *exchange, in In) error {
		if err := x.archive(func(r io.Reader) error { return do(x, in, r) }); err != nil {
			return err
		}
		return x.answer(empty{})
	}))
}

// records declares a call that is answered by a stream of records of type Out, until do returns.
func records[In, Out any](name string, do func(x *exchange, in In, out *output) error) Verb {
	return declare(name, Stream, reflect.TypeFor[Out](), func(x *exchange, in In) error {
		return do(x, in, &output{x: x})
	})
}

// messages declares a call that is answered by a stream of StreamMessages. An error is the last
// record.
func messages[In any](name string, do func(x *exchange, in In, out *output) error) Verb {
	return records[In, api.StreamMessage](name, func(x *exchange, in In, out *output) error {
		return out.finish(do(x, in, out))
	})
}

// recordsIn declares the call whose body is a stream of records: see attachInput. It refuses a body
// that is a single call, which has no input.
func recordsIn(name string) Verb {
	v := declare[api.Input](name, Upload, nil, nil)
	v.serve = inputIsAStream
	return v
}

// media returns the media type of the answers to calls of this kind. "" leaves it to the handler.
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
