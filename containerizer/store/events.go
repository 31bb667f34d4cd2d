package store

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/eventlog"
)

// ReadEvents returns what happened to containers during this boot: see package eventlog.
func (s *Store) ReadEvents(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error] {
	return eventlog.Read(ctx, s.Events(), o)
}

// Emit appends an event. What it reports has happened, so an error is only logged.
func (s *Store) Emit(r *Record, action string, attributes map[string]string) {
	all := r.Attributes()
	maps.Copy(all, attributes)
	err := eventlog.Append(s.Events(), mctr.Event{Time: time.Now().UTC(), ID: r.ID, Action: action, Attributes: all})
	if err != nil {
		s.Log.Error("event", "container", r.ID, "action", action, "error", err)
	}
}

// Emit is Store.Emit for a caller that does not have the container's record.
func (c *Container) Emit(action string, attributes map[string]string) {
	if r, err := c.Record(); err == nil {
		c.store.Emit(r, action, attributes)
	}
}

// Attributes returns the attributes that every event of the container has.
func (r *Record) Attributes() map[string]string {
	attributes := map[string]string{"owner": r.Config.Owner}
	for key, value := range map[string]string{"name": r.Config.Name, "image": r.Config.Image} {
		if value != "" {
			attributes[key] = value
		}
	}
	return attributes
}
