// Package api defines the messages of mctr-agent: the calls on containers of the Mesos agent's v1
// operator API, with their JSON names, and the calls that mctr adds. The package has only data and
// conversions, and creates nothing.
//
// A call is an object with its type and, in a field named by the type in lower case, its arguments.
// Features of Mesos that mctr does not support are refused by name, never ignored.
package api
