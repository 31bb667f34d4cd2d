package puller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/mctr/mctr/provisioner/credentials"
)

// Credentials identify the client to a registry. The zero value is anonymous.
type Credentials = credentials.Credentials

// Auth returns the credentials for a repository of a registry. Host is the registry's name in the
// reference, for instance docker.io.
type Auth func(host, repository string) (Credentials, error)

// FileAuth reads the files of docker and podman anew at each call. The first file with credentials
// for the host wins: $REGISTRY_AUTH_FILE, config.json in $DOCKER_CONFIG or ~/.docker,
// containers/auth.json in $XDG_RUNTIME_DIR and in $XDG_CONFIG_HOME or ~/.config. It runs the
// credential helpers that the files name.
func FileAuth(host, repository string) (Credentials, error) {
	for _, path := range authFiles() {
		c, err := fromFile(path, host, repository)
		if err != nil || c != (Credentials{}) {
			return c, err
		}
	}
	return Credentials{}, nil
}

func authFiles() []string {
	home, _ := os.UserHomeDir()
	in := func(dir, name string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(dir, name)
	}
	files := []string{
		in(os.Getenv("REGISTRY_AUTH_FILE"), ""),
		in(cmp.Or(os.Getenv("DOCKER_CONFIG"), in(home, ".docker")), "config.json"),
		in(os.Getenv("XDG_RUNTIME_DIR"), "containers/auth.json"),
		in(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), in(home, ".config")), "containers/auth.json"),
	}
	return slices.DeleteFunc(files, func(path string) bool { return path == "" })
}

// fromFile returns one file's credentials for the host, and none if the file does not exist.
func fromFile(path, host, repository string) (Credentials, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("registry credentials: %w", err)
	}
	defer f.Close()
	cf, err := config.LoadFromReader(f)
	if err != nil {
		return Credentials{}, fmt.Errorf("registry credentials %s: %w", path, err)
	}
	for _, key := range authKeys(host, repository) {
		if _, ok := cf.AuthConfigs[key]; !ok && strings.HasPrefix(key, host+"/") {
			continue // helpers are asked once for the host, not for each repository
		}
		c, err := lookUp(cf, key)
		if err != nil {
			return Credentials{}, fmt.Errorf("registry credentials %s: %s: %w", path, key, err)
		}
		if c != (Credentials{}) {
			return c, nil
		}
	}
	return Credentials{}, nil
}

// authKeys returns the keys under which these files may hold a registry, the most specific first.
func authKeys(host, repository string) []string {
	var keys []string
	for at := repository; at != "." && at != "/" && at != ""; at = filepath.Dir(at) {
		keys = append(keys, host+"/"+at)
	}
	keys = append(keys, host)
	if host == "docker.io" {
		keys = append(keys, authn.DefaultAuthKey, "index.docker.io", "registry-1.docker.io")
	}
	return keys
}

// lookUp asks the helper that the file names for key, or reads the file's own entry.
func lookUp(cf *configfile.ConfigFile, key string) (Credentials, error) {
	name, ok := cf.CredentialHelpers[key]
	if !ok {
		name = cf.CredentialsStore
	}
	if name != "" {
		return credentials.Helper{Name: name}.Get(context.Background(), key) // the helper has a deadline of its own
	}
	a, err := cf.GetAuthConfig(key)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken,
		RegistryToken: a.RegistryToken}, nil
}

// authenticator converts c for the registry library.
func authenticator(c Credentials) authn.Authenticator {
	if c == (Credentials{}) {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
	})
}
