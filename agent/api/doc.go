// Package api is the language of mctr-agent: the calls of the Mesos agent's v1
// operator API on containers, with their JSON names, and further ones of mctr's
// own. Data and conversions only; it creates nothing.
//
// A call is an object with its type and, under the type's name in lower case,
// its arguments. What Mesos has and mctr cannot honour is refused by name, never
// ignored.
package api
