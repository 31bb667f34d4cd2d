// Package manifest reads the JSON documents of an image: indexes, manifests and
// configs, of OCI (image-spec 1.1) and of Docker schema 2. They come from
// outside: sizes are bounded before anything is parsed, every digest and size is
// checked for form, and a document that could be read as two things is refused.
//
// On disk, in the kernel: nothing.
package manifest
