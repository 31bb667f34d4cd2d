package supervise

import "github.com/mctr/mctr"

// FollowInForeground follows the restart policy of an exited container, as Supervise does.
func FollowInForeground(s *Supervisor, id mctr.ContainerID, runs *Runs) {
	s.follow(s.ctx, id, Options{Runs: runs})
}
