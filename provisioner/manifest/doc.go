// Package manifest parses the JSON documents of an image: indexes, manifests and configs, of OCI
// (image-spec 1.1) and of Docker schema 2. They are not trusted: sizes are limited before anything
// is parsed, the form of every digest and size is checked, and a document that could be read as two
// kinds is refused.
//
// On disk, in the kernel: nothing.
package manifest
