package containerizer

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/eventlog"
)

// Events gives what happened to containers in this boot, by whatever process, in order,
// and with o.Follow what is to come, until ctx ends. About the last 5,000 are kept. A
// reader that comes back goes on behind the last event's cursor (o.After); where events
// are no longer kept, or it is too slow for them, it gets an mctr.EventGap in their place.
func (c *Containerizer) Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error] {
	return eventlog.Read(ctx, c.paths.events(), o)
}

// tell appends an event. What it tells of has happened, so that failing to is
// no failure of it.
func (c *Containerizer) tell(r *record, action string, attributes map[string]string) {
	all := attributesOf(r)
	maps.Copy(all, attributes)
	err := eventlog.Append(c.paths.events(),
		mctr.Event{Time: time.Now().UTC(), ID: r.ID, Action: action, Attributes: all})
	if err != nil {
		c.log.Error("event", "container", r.ID, "action", action, "error", err)
	}
}

// tellOf is tell for a container whose record is not at hand.
func (c *Containerizer) tellOf(id mctr.ContainerID, action string, attributes map[string]string) {
	if r, err := c.load(id); err == nil {
		c.tell(r, action, attributes)
	}
}

// attributesOf are what every event of a container says.
func attributesOf(r *record) map[string]string {
	attributes := map[string]string{"owner": r.Config.Owner}
	for key, value := range map[string]string{"name": r.Config.Name, "image": r.Config.Image} {
		if value != "" {
			attributes[key] = value
		}
	}
	return attributes
}
