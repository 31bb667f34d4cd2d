// Package server serves the operator API of mctr-agent over HTTP and JSON: the calls of package
// agent/api, the files of sandboxes, metrics and health.
//
// The package creates nothing on disk or in the kernel itself; its containerizer does. It keeps in
// memory the sessions, which end with their connections, and the terminations that recovery found.
package server
