package main

import (
	"context"
	"os"
)

// reloadOnSIGHUP reads certificates and tokens again at each SIGHUP, as daemons do, until ctx ends.
// Changes are seen without it too; with it, what is wrong with the files is told at once.
func (a *service) reloadOnSIGHUP(ctx context.Context, hangUps <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangUps:
		}
		a.token.reload()
		a.certificates.reload()
		a.log.Info("read certificates and tokens again")
	}
}
