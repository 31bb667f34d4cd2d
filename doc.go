// Package mctr holds the nouns of the containerizer: identities, what a caller
// asks for ([ContainerConfig]), what an isolator answers ([Adjustment]), and
// what a container reports of itself ([Status], [Usage], [Termination]).
//
// The package is data and validation only: it creates nothing on disk or in the
// kernel. The verbs stand in package containerizer, which reads and writes these
// types as JSON; a type that is stored carries its schema version with it.
package mctr
