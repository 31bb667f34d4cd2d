// Package puller reads images from their source: a registry and its mirrors, an OCI image layout,
// an OCI or Docker archive. It delivers bytes; package store checks that they match their digests.
//
// On disk: nothing except, for a compressed archive, an unnamed temporary file. In the kernel:
// connections while a pull runs.
//
// Spec: OCI distribution-spec 1.1 and image-spec 1.1 (image-layout.md); docker's reference grammar,
// config.json and save format; containerd's hosts.toml (docs/hosts.md).
package puller
