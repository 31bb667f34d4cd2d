package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/puller"
)

// htpasswd lets "me" in with "open sesame".
const htpasswd = "me:$2a$05$WK1kNbpFyJ1bmEHgvGo1E.bwFMBpNGoiYgYRuaYKtV0UnxfFXKy0O\n"

// TestVerifyLogin asks Debian's registry, one that wants a token, and what is none.
func TestVerifyLogin(t *testing.T) {
	token := imagetest.NewRegistry(t)
	token.Basic, token.Bearer = "me:open sesame", true
	p, root := newProvisioner(t)
	for name, host := range map[string]string{"basic": guardedRegistry(t), "bearer": token.Host()} {
		for _, c := range []struct {
			user, password string
			want           error
		}{{"me", "open sesame", nil}, {"me", "wrong", errdefs.ErrUnauthenticated},
			{"other", "open sesame", errdefs.ErrUnauthenticated}, {"", "", errdefs.ErrUnauthenticated}} {
			err := p.VerifyLogin(context.Background(), host, puller.Credentials{Username: c.user, Password: c.password})
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %s/%s: %v", name, c.user, c.password, err)
			}
		}
	}
	none := imagetest.NewRegistry(t)
	none.Server.Config.Handler = nil // answers 404 to everything
	if err := p.VerifyLogin(context.Background(), none.Host(),
		puller.Credentials{Username: "me"}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("what is no registry: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "images")); err == nil {
		t.Error("a login made a store")
	}
}

// guardedRegistry is Debian's registry with basic authentication.
func guardedRegistry(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte(htpasswd), 0o600); err != nil {
		t.Fatal(err)
	}
	return distribution(t, "auth: {htpasswd: {realm: test, path: "+file+"}}\n")
}
