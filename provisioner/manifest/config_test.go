package manifest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOddConfigs reads configs as moby does (image.NewFromJSON, strslice, HealthConfig).
func TestOddConfigs(t *testing.T) {
	for _, c := range []struct {
		config                 string
		entrypoint, cmd, shell []string
		fails                  bool
	}{
		{config: `null`},
		{config: `{}`},
		{config: `{"Cmd":null,"Entrypoint":null,"Shell":null,"Env":null,"Volumes":null,"ExposedPorts":null,"Labels":null,"Healthcheck":null}`},
		{config: `{"Cmd":["a","b"],"Entrypoint":["e"]}`, entrypoint: []string{"e"}, cmd: []string{"a", "b"}},
		{config: `{"Cmd":"a b","Entrypoint":"e"}`, entrypoint: []string{"e"}, cmd: []string{"a b"}},
		{config: `{"Cmd":"","Entrypoint":[""]}`, entrypoint: []string{""}, cmd: []string{""}},
		{config: `{"Cmd":[],"Entrypoint":[]}`, entrypoint: []string{}, cmd: []string{}},
		{config: `{"cmd":["a"],"ENTRYPOINT":"e"}`, entrypoint: []string{"e"}, cmd: []string{"a"}},
		{config: `{"Shell":["/bin/bash","-c"]}`, shell: []string{"/bin/bash", "-c"}},
		{config: `{"Shell":"/bin/bash"}`, shell: []string{"/bin/bash"}},
		{config: `{"Env":["A",null,""],"Labels":{"a":null},"Volumes":{"/a":null,"b":{}},"ExposedPorts":{"80":{},"x/y/z":{}}}`},
		{config: `{"OnBuild":["RUN x"],"StopTimeout":5,"ArgsEscaped":true,"Hostname":"h","AttachStdin":false,"Unknown":{"a":[1]}}`},
		{config: `{"Cmd":1}`, fails: true},
		{config: `{"Cmd":["a",1]}`, fails: true},
		{config: `{"Cmd":{"a":1}}`, fails: true},
		{config: `{"Env":"A=b"}`, fails: true},
		{config: `[]`, fails: true},
	} {
		data := fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"},"history":[{"created":null}],"config":%s}`, c.config)
		got, err := ParseConfig([]byte(data), 0, Limits{}.Filled())
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.config, err)
		}
		if err != nil || c.fails {
			continue
		}
		if diff := cmp.Diff([][]string{c.entrypoint, c.cmd, c.shell},
			[][]string{got.Config.Entrypoint, got.Config.Cmd, got.Shell}); diff != "" {
			t.Errorf("%s: %s", c.config, diff)
		}
	}
}
