package client

import (
	"context"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// Containers returns the ids of all containers.
func (c *Client) Containers(ctx context.Context) ([]mctr.ContainerID, error) {
	var found api.Containers
	if err := c.quick(ctx, api.GetContainers, api.List{ShowNested: true, ShowEnded: true}, &found); err != nil {
		return nil, err
	}
	var ids []mctr.ContainerID
	for _, container := range found.Containers {
		if container.Mctr != nil { // sessions have no status
			ids = append(ids, container.Mctr.ID)
		}
	}
	return ids, nil
}

// Resolve returns the id of a container, given its name, id or the start of its id.
func (c *Client) Resolve(ctx context.Context, ref string) (mctr.ContainerID, error) {
	var found api.Found
	if err := c.quick(ctx, api.FindContainer, api.Find{Name: ref}, &found); err != nil {
		return "", err
	}
	id := found.ContainerID.ID()
	return id, id.Validate()
}

// Status returns the complete status of a container.
func (c *Client) Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error) {
	s := &mctr.Status{}
	if err := c.call(ctx, api.InspectContainer, idOf(id), s); err != nil {
		return nil, err
	}
	if s.Config == nil || s.Phase == "" || s.Phase == mctr.Exited && s.Termination == nil {
		return nil, lacks(api.InspectContainer, "the container's config, phase or termination")
	}
	return s, nil
}

// lacks returns the error for an answer without a required part.
func lacks(call, what string) error {
	return fmt.Errorf("the agent's answer to %s lacks %s", call, what)
}

func idOf(id mctr.ContainerID) api.ID { return api.ID{ContainerID: api.NewContainerID(id)} }

// Usage returns the resource usage of a running container.
func (c *Client) Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error) {
	u := &mctr.Usage{}
	return u, c.call(ctx, api.GetUsage, idOf(id), u)
}

// DiskUsage returns the disk usage of a container.
func (c *Client) DiskUsage(ctx context.Context, id mctr.ContainerID) (usage containerizer.DiskUsage, err error) {
	err = c.call(ctx, api.GetDiskUsage, idOf(id), &usage)
	return usage, err
}

// Processes returns the output of ps(1) for the processes of a container.
func (c *Client) Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error) {
	var table api.Table
	err := c.call(ctx, api.ListProcesses, api.Processes{ContainerID: api.NewContainerID(id), Options: options}, &table)
	return []byte(table.Text), err
}

// Logs calls emit for each line of a container's log.
func (c *Client) Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error {
	arguments := api.Logs{ContainerID: api.NewContainerID(id), Follow: o.Follow, Since: o.Since, Until: o.Until}
	if o.Tail >= 0 {
		arguments.Tail = &o.Tail
	}
	return c.messages(ctx, api.ReadLogs, arguments, func(m api.StreamMessage) error {
		e := m.Entry
		if e == nil {
			return nil
		}
		stream := logs.Stdout
		if e.Stream == "stderr" {
			stream = logs.Stderr
		}
		return emit(
			logs.Entry{Time: e.Time, Stream: stream, Text: e.Text, Partial: e.Partial, Gap: e.Gap, Removed: e.Removed})
	})
}

// Events returns past events of containers, and with o.Follow also new ones.
func (c *Client) Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error] {
	return func(yield func(mctr.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := c.messages(ctx, api.WatchEvents, o, func(m api.StreamMessage) error {
			if m.Event != nil && !yield(*m.Event, nil) {
				cancel()
				return context.Canceled
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			yield(mctr.Event{}, err)
		}
	}
}

// Launch runs a container. The agent supervises it even after this client has exited.
func (c *Client) Launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
	o containerizer.LaunchOptions) (*launcher.Stream, error) {
	config, err := c.ready(ctx, config, o.Progress)
	if err != nil {
		return nil, err
	}
	launch := api.Launch{ContainerID: api.NewContainerID(id),
		Mctr: &api.Extension{Config: config, Stream: api.Stream{Attach: o.Attach, ConsoleSize: o.ConsoleSize}}}
	return c.streams(ctx, api.LaunchContainer, launch, o)
}

// Start launches a container that was created, or one that has exited.
func (c *Client) Start(ctx context.Context, id mctr.ContainerID,
	o containerizer.LaunchOptions) (*launcher.Stream, error) {
	start := api.Start{ContainerID: api.NewContainerID(id),
		Stream: api.Stream{Attach: o.Attach, ConsoleSize: o.ConsoleSize}}
	return c.streams(ctx, api.StartContainer, start, o)
}

// streams makes a call that launches a container, and returns its streams if o asks for them.
func (c *Client) streams(ctx context.Context, kind string, arguments any,
	o containerizer.LaunchOptions) (*launcher.Stream, error) {
	sent := time.Now()
	if o.Attach != nil {
		stream, header, err := c.upgradeWithHeader(ctx, kind, arguments)
		reportSteps(header, sent, o.Step)
		return stream, err
	}
	answer, err := c.do(ctx, kind, arguments)
	if err != nil {
		return nil, err
	}
	reportSteps(answer.Header, sent, o.Step)
	return nil, answer.Body.Close()
}

// LaunchGroup runs a group. The agent supervises it.
func (c *Client) LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group,
	o containerizer.LaunchOptions) error {
	group := *g
	group.Tasks = map[string]mctr.ContainerConfig{}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		ready, err := c.ready(ctx, &task, o.Progress)
		if err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
		group.Tasks[name] = *ready
	}
	return c.call(ctx, api.LaunchGroup, api.LaunchedGroup{ContainerID: api.NewContainerID(id), Group: &group}, nil)
}

// DryRun returns the OCI spec that a launch of config would give to the engine.
func (c *Client) DryRun(ctx context.Context, config *mctr.ContainerConfig) (*specs.Spec, error) {
	config, err := c.ready(ctx, config, nil)
	if err != nil {
		return nil, err
	}
	spec := &specs.Spec{}
	return spec, c.call(ctx, api.DryRunContainer, api.DryRun{Config: config}, spec)
}

// ready returns a copy of config for the agent. It pulls the image first, to report the progress. If
// the agent is on this host, a relative path of an image becomes absolute.
func (c *Client) ready(ctx context.Context, config *mctr.ContainerConfig,
	progress provisioner.Progress) (*mctr.ContainerConfig, error) {
	copied := *config
	copied.Image = c.path(config.Image)
	if progress == nil || config.Image == "" || config.Pull == "never" {
		return &copied, nil
	}
	_, err := c.Images().Pull(ctx, copied.Image, provisioner.PullOptions{
		Policy: provisioner.PullPolicy(config.Pull), Platform: config.Platform, Progress: progress,
	})
	if err != nil {
		return nil, err
	}
	return &copied, nil
}

// Create records a container without running it.
func (c *Client) Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
	progress provisioner.Progress) error {
	config, err := c.ready(ctx, config, progress)
	if err != nil {
		return err
	}
	return c.call(ctx, api.CreateContainer,
		api.Launch{ContainerID: api.NewContainerID(id), Mctr: &api.Extension{Config: config}}, nil)
}

// Attach connects to the streams of a running container.
func (c *Client) Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	return c.upgrade(ctx, api.AttachContainer, api.Attach{ContainerID: api.NewContainerID(id), Attach: a})
}

// Exec runs another command in a container. Closing the stream kills the command, unless it is
// detached.
func (c *Client) Exec(ctx context.Context, id mctr.ContainerID, e containerizer.Exec) (*launcher.Stream, error) {
	arguments := api.Exec{
		ContainerID: api.NewContainerID(id), Args: e.Args, Env: e.Env, WorkingDir: e.WorkingDir, User: e.User,
		Terminal: e.Terminal, ConsoleSize: e.ConsoleSize, Stdin: e.Stdin, Detach: e.Detach,
	}
	if !e.Detach {
		return c.upgrade(ctx, api.ExecContainer, arguments)
	}
	near, far := net.Pipe() // the stream of a detached command is closed
	_ = far.Close()
	return launcher.NewStream(near), c.call(ctx, api.ExecContainer, arguments, nil)
}

// Wait waits until a container has exited, and returns its termination.
func (c *Client) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.end(ctx, api.WaitContainer, idOf(id))
}

// Stop asks a container to exit, and kills it after a timeout.
func (c *Client) Stop(ctx context.Context, id mctr.ContainerID, o mctr.StopOptions) (*mctr.Termination, error) {
	in := api.Stop{ContainerID: api.NewContainerID(id), Signal: int(o.Signal), Timeout: (*mctr.Duration)(o.Timeout)}
	if o.Timeout != nil && *o.Timeout < 0 {
		in.Timeout = new(mctr.Duration(mctr.Forever))
	}
	return c.end(ctx, api.StopContainer, in)
}

// Destroy kills a container at once.
func (c *Client) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.end(ctx, api.DestroyContainer, idOf(id))
}

func (t *transport) end(ctx context.Context, kind string, arguments any) (*mctr.Termination, error) {
	var end api.Termination
	if err := t.call(ctx, kind, arguments, &end); err != nil {
		return nil, err
	}
	if end.Mctr == nil {
		return nil, lacks(kind, "the container's termination")
	}
	return end.Mctr, nil
}

// Ends returns the terminations of the agent's containers that no client has acknowledged.
func (c *Client) Ends(ctx context.Context) (*mctr.Ends, error) {
	found := &mctr.Ends{}
	return found, c.call(ctx, api.GetEnds, nil, found)
}

// Acknowledge tells the agent that the caller has recorded the terminations with these keys.
func (c *Client) Acknowledge(ctx context.Context, keys ...string) error {
	return c.call(ctx, api.AcknowledgeEnds, api.Acknowledgement{Keys: keys}, nil)
}

// Kill sends a signal to the first process of a container.
func (c *Client) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	number := int(sig)
	return c.call(ctx, api.KillContainer, api.Kill{ContainerID: api.NewContainerID(id), Signal: &number}, nil)
}

// Remove removes a container that has exited. With force it also removes a running container.
func (c *Client) Remove(ctx context.Context, id mctr.ContainerID, force bool) error {
	return c.call(ctx, api.RemoveContainer, api.Remove{ContainerID: api.NewContainerID(id), Force: force}, nil)
}

// Pause freezes the processes of a container.
func (c *Client) Pause(ctx context.Context, id mctr.ContainerID) error {
	return c.call(ctx, api.PauseContainer, idOf(id), nil)
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, id mctr.ContainerID) error {
	return c.call(ctx, api.ResumeContainer, idOf(id), nil)
}

// Update changes the limits that are set in change.
func (c *Client) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	return c.call(ctx, api.UpdateContainer, api.Update{ContainerID: api.NewContainerID(id), Resources: change}, nil)
}

// UpdateGroup changes the limits that a root shares with all containers nested in it.
func (c *Client) UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error {
	return c.call(ctx, api.UpdateContainer,
		api.Update{ContainerID: api.NewContainerID(root), Resources: change, Group: true}, nil)
}

// Rename gives a container another name.
func (c *Client) Rename(ctx context.Context, id mctr.ContainerID, name string) error {
	return c.call(ctx, api.RenameContainer, api.Rename{ContainerID: api.NewContainerID(id), Name: name}, nil)
}

// Version returns the version of the agent.
func (c *Client) Version(ctx context.Context) (api.VersionInfo, error) {
	var v api.Version
	err := c.call(ctx, api.GetVersion, nil, &v)
	return v.VersionInfo, err
}
