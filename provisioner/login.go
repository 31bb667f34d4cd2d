package provisioner

import (
	"context"

	"github.com/mctr/mctr/provisioner/puller"
)

// VerifyLogin asks a registry (docker.io, host:5000) whether it accepts the credentials.
// Nothing is stored. The error wraps errdefs' ErrUnauthenticated if it does not.
func (p *Provisioner) VerifyLogin(ctx context.Context, host string, c puller.Credentials) error {
	return puller.Verify(ctx, host, c, p.settings.source(nil, ""))
}
