// Command genopenapi writes openapi.yaml, the description of the operator API. It reads the calls that
// package server declares, the types of their messages, and the doc comments of these types. The
// paths and other parts that follow from no type are in frame.yaml.
//
// go generate in agent/server runs the command. Agents embed its output, and do not link it.
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
