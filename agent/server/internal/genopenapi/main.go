// Command genopenapi writes openapi.yaml, the description of an agent's operator API, from
// the calls that package server declares and the types of their messages. The text in it is
// that of the doc comments; frame.yaml has the paths and what else no type says.
//
// It is run by go generate in agent/server. Agents do not link it: they embed the file.
package main

import "os"

func main() {
	text, err := document()
	if err == nil {
		err = os.WriteFile("openapi.yaml", text, 0o644)
	}
	if err != nil {
		panic(err)
	}
}
