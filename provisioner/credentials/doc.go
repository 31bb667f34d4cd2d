// Package credentials stores the credentials for registries where docker stores them: in a
// configuration file, or with a credential helper that the file names (docker-credential-NAME,
// credHelpers and credsStore).
//
// On disk: the file, replaced as a whole, with mode 0600 and its other keys unchanged; beside it a
// lock file during a change. A helper is a child process for the duration of a call and is killed
// at its deadline. It gets a secret on stdin; no secret gets into an error.
//
// Protocol: docker-credential-helpers.
package credentials

// Credentials identify the client to a registry. The zero value is anonymous.
type Credentials struct {
	Username, Password string
	IdentityToken      string // OAuth2 refresh token, instead of a password
	RegistryToken      string // bearer token, sent unchanged
}
