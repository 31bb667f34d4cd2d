package puller

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
)

// brief formats an endpoint as one line.
func brief(e Endpoint) string {
	s := e.URL.String()
	for _, f := range []struct {
		set  bool
		name string
	}{{e.Resolve, "resolve"}, {e.Pull, "pull"}, {e.Mirror, "mirror"}, {e.SkipVerify, "skip"}, {e.Either, "either"}} {
		if f.set {
			s += " " + f.name
		}
	}
	for _, ca := range e.CA {
		s += " ca=" + ca
	}
	for _, c := range e.Client {
		s += " client=" + c[0] + "+" + c[1]
	}
	for k, v := range e.Header {
		s += fmt.Sprintf(" %s=%v", k, v)
	}
	return s
}

func briefs(all []Endpoint) (lines []string) {
	for _, e := range all {
		lines = append(lines, brief(e))
	}
	return lines
}

func TestParseHosts(t *testing.T) {
	cases := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"https://registry-1.docker.io/v2 resolve pull"}},
		{"server", `server = "https://mirror.test"`, []string{"https://mirror.test/v2 resolve pull"}},
		{"order of the file", "[host.\"https://z.test\"]\n[host.\"https://a.test\"]\n[host.\"m.test:5000\"]\n",
			[]string{
				"https://z.test/v2 resolve pull mirror", "https://a.test/v2 resolve pull mirror",
				"https://m.test:5000/v2 resolve pull mirror", "https://registry-1.docker.io/v2 resolve pull",
			}},
		{"capabilities", "capabilities=[\"resolve\"]\n[host.\"https://a.test\"]\ncapabilities = [\"pull\", \"push\"]",
			[]string{"https://a.test/v2 pull mirror", "https://registry-1.docker.io/v2 resolve"}},
		{"path",
			"[host.\"https://a.test/prefix\"]\n[host.\"https://b.test/prefix/\"]\noverride_path=true\n" +
				"[host.\"https://c.test/x/v2\"]", []string{
				"https://a.test/prefix/v2 resolve pull mirror", "https://b.test/prefix resolve pull mirror",
				"https://c.test/x/v2 resolve pull mirror", "https://registry-1.docker.io/v2 resolve pull",
			}},
		{"certificates",
			"[host.\"https://a.test\"]\nca=\"/abs.pem\"\nclient=[[\"c.cert\",\"c.key\"],[\"/both.pem\"]]\n" +
				"skip_verify=true\n[host.\"https://b.test\"]\nca=[\"x\",\"y\"]\nclient=\"one.pem\"", []string{
				"https://a.test/v2 resolve pull mirror skip ca=/abs.pem client=/dir/c.cert+/dir/c.key " +
					"client=/both.pem+/both.pem",
				"https://b.test/v2 resolve pull mirror ca=/dir/x ca=/dir/y client=/dir/one.pem+/dir/one.pem",
				"https://registry-1.docker.io/v2 resolve pull",
			}},
		{"header", "[host.\"https://a.test\".header]\nx-a=[\"1\",\"2\"]",
			[]string{"https://a.test/v2 resolve pull mirror X-A=[1 2]",
				"https://registry-1.docker.io/v2 resolve pull"}},
		{"inline table", "host.\"https://a.test\" = {skip_verify=true}",
			[]string{"https://a.test/v2 resolve pull mirror skip", "https://registry-1.docker.io/v2 resolve pull"}},
	}
	for _, c := range cases {
		all, err := ParseHosts([]byte(c.text), "/dir", "docker.io")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, briefs(all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	for _, bad := range []string{"x", "server=1", `server="ftp://x"`, `server="https://u:p@x"`, `capabilities=["fly"]`,
		"ca=1", `client=[["a","b","c"]]`, "[host.\"https://\"]"} {
		if _, err := ParseHosts([]byte(bad), "/dir", "docker.io"); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", bad, err)
		}
	}
}

// TestHostsDirs: the first directory that configures a host wins, its own name comes before
// _default, and certificates without hosts.toml are enough.
func TestHostsDirs(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	write := func(path ...string) {
		file := filepath.Join(path[:len(path)-1]...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(path[len(path)-1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(ours, "a.test", "hosts.toml", `server="https://ours"`)
	write(theirs, "a.test", "hosts.toml", `server="https://theirs"`)
	write(theirs, "b.test:5000", "hosts.toml", `server="https://b"`)
	write(theirs, "c.test_5000_", "hosts.toml", `server="https://c"`)
	write(theirs, "d.test", "x.crt", "not looked at")
	write(theirs, "_default", "hosts.toml", `server="https://default"`)
	config := Config{HostsDirs: []string{ours, theirs}, PlainHTTP: []string{"b"}}
	for host, want := range map[string]string{
		"a.test": "https://ours/v2 resolve pull", "b.test:5000": "https://b/v2 resolve pull either",
		"c.test:5000": "https://c/v2 resolve pull",
		"d.test":      "https://d.test/v2 resolve pull ca=" + filepath.Join(theirs, "d.test/x.crt"),
		"e.test":      "https://default/v2 resolve pull",
	} {
		all, err := endpoints(host, config)
		if err != nil || len(all) != 1 || brief(all[0]) != want {
			t.Errorf("%s: %q, %v; want %s", host, briefs(all), err, want)
		}
	}
	for host, want := range map[string]string{
		"docker.io":      "https://registry-1.docker.io/v2 resolve pull",
		"localhost:5000": "https://localhost:5000/v2 resolve pull either",
		"127.0.0.1":      "https://127.0.0.1/v2 resolve pull either",
		"10.0.0.1:5000":  "https://10.0.0.1:5000/v2 resolve pull",
	} {
		all, err := endpoints(host, Config{})
		if err != nil || len(all) != 1 || brief(all[0]) != want {
			t.Errorf("%s: %q, %v; want %s", host, briefs(all), err, want)
		}
	}
}

// FuzzHosts: any file is parsed to usable endpoints or refused.
func FuzzHosts(f *testing.F) {
	f.Add([]byte("server = \"https://x\"\n[host.\"http://y:1/z\"]\nca=[\"a\"]\nclient=[[\"a\",\"b\"]]\n"))
	f.Add([]byte("host.\"a\"={capabilities=[\"pull\"]}\nhost.b.header={x=\"y\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ParseHosts(data, "/dir", "registry.test")
		if err != nil {
			return
		}
		for _, e := range all {
			if e.URL.Host == "" || e.URL.Scheme != "http" && e.URL.Scheme != "https" {
				t.Errorf("endpoint %q", brief(e))
			}
		}
	})
}
