// Package mctr holds the nouns of the containerizer: identities, what a caller asks for
// ([ContainerConfig]), what an isolator answers ([Adjustment]), and what is reported about a container
// ([Status], [Usage], [Termination]).
//
// The package is data and validation only: it creates nothing on disk or in the kernel. The verbs are
// in package containerizer, which reads and writes these types as JSON. A type that is stored is part
// of a record that carries a schema version.
package mctr
