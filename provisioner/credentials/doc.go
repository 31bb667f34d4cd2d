// Package credentials keeps what proves to registries who asks, where docker keeps
// it: in a configuration file, or by a credential helper that the file names
// (docker-credential-NAME, credHelpers and credsStore).
//
// On disk: the file, replaced whole, of mode 0600, all its other keys as they were;
// beside it a lock while it is changed. A helper is a child for the time of a call,
// ended by its deadline. A secret goes to it by stdin, and never into an error.
//
// Protocol: docker-credential-helpers.
package credentials

// Credentials prove who asks a registry. The zero value asks anonymously.
type Credentials struct {
	Username, Password string
	IdentityToken      string // OAuth2 refresh token, instead of a password
	RegistryToken      string // bearer token, sent as it is
}
