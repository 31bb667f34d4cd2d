package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mctr/mctr/agent/server"
)

// An example is a block of commands in the page, followed by a block with their output. In the output,
// … stands for any text.
type example struct{ commands, output string }

func examples(t *testing.T) (page string, all []example) {
	t.Helper()
	data, err := os.ReadFile("../../docs/operator-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```\n```\n(.*?)```\n").FindAllStringSubmatch(
		string(data), -1) {
		all = append(all, example{m[1], m[2]})
	}
	if len(all) != strings.Count(string(data), "```sh\n") {
		t.Errorf("%d examples, %d with what they print", strings.Count(string(data), "```sh\n"), len(all))
	}
	return string(data), all
}

// TestExamples runs the commands of the page, and checks that their output is as the page says.
func TestExamples(t *testing.T) {
	h := newHost(t)
	_, all := examples(t)
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, e := range all {
		script.WriteString(e.commands + "printf '\\036'\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Env = append(os.Environ(), "AGENT="+h.socket(), "IMAGE="+h.image)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, out, h.log)
	}
	printed := strings.Split(string(out), "\036")
	for i, e := range all {
		if i >= len(printed) {
			t.Fatalf("not run: %s", e.commands)
		}
		if !like(e.output).MatchString(strings.TrimRight(printed[i], "\n")) {
			t.Errorf("%sprints\n%s\nwant\n%s", e.commands, printed[i], e.output)
		}
	}
}

// like matches output with the text of the page.
func like(text string) *regexp.Regexp {
	parts := strings.Split(strings.TrimRight(text, "\n"), "…")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

// TestExamplesAreWhole checks that every call has an example, and that each example conforms to the
// OpenAPI document.
func TestExamplesAreWhole(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(server.Description)
	if err != nil {
		t.Fatal(err)
	}
	page, all := examples(t)
	shown := map[string]bool{}
	for _, e := range all {
		for _, m := range regexp.MustCompile(
			`(?s)(?:call|record|upload) '(\{"type":.*?\})'( [|<>]|\n|$)`).FindAllStringSubmatch(e.commands, -1) {
			text := strings.ReplaceAll(m[1], `'"$IMAGE"'`, "oci:/image")
			var body map[string]any
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if err := doc.Components.Schemas["Call"].Value.VisitJSON(body); err != nil {
				t.Errorf("%s is not as described: %v", text, err)
			}
			shown[body["type"].(string)] = true
		}
	}
	for _, call := range server.Calls() {
		if !shown[call] {
			t.Errorf("the page has no example of %s", call)
		}
	}
	for _, path := range server.Routes() {
		if !strings.Contains(page, path) {
			t.Errorf("the page does not name %s", path)
		}
	}
}
