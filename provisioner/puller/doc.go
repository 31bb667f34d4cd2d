// Package puller reads images where they come from: a registry with its
// mirrors, an OCI image layout, an OCI or Docker archive. It brings bytes; that
// they are what their digests say is for package store to check.
//
// On disk: nothing but, for a compressed archive, an unnamed temporary file.
// In the kernel: connections while a pull runs.
//
// Spec: OCI distribution-spec 1.1 and image-spec 1.1 (image-layout.md); docker's
// reference grammar, config.json and save format; containerd's hosts.toml
// (docs/hosts.md).
package puller
