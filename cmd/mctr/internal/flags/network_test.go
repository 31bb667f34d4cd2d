package flags

import (
	"reflect"
	"testing"

	"github.com/mctr/mctr"
)

func TestParsePublish(t *testing.T) {
	for text, want := range map[string][]mctr.Port{
		"80":                {{ContainerPort: 80, Protocol: "tcp"}},
		"8080:80":           {{HostPort: 8080, ContainerPort: 80, Protocol: "tcp"}},
		"0:80":              {{ContainerPort: 80, Protocol: "tcp"}},
		"8080:80/udp":       {{HostPort: 8080, ContainerPort: 80, Protocol: "udp"}},
		"8080:80/SCTP":      {{HostPort: 8080, ContainerPort: 80, Protocol: "sctp"}},
		"127.0.0.1:8080:80": {{HostIP: "127.0.0.1", HostPort: 8080, ContainerPort: 80, Protocol: "tcp"}},
		"127.0.0.1::80":     {{HostIP: "127.0.0.1", ContainerPort: 80, Protocol: "tcp"}},
		"[::1]:8080:80":     {{HostIP: "::1", HostPort: 8080, ContainerPort: 80, Protocol: "tcp"}},
		"8000-8010:80":      {{HostPort: 8000, HostPortEnd: 8010, ContainerPort: 80, Protocol: "tcp"}},
		"8000-8001:9000-9001": {{HostPort: 8000, ContainerPort: 9000, Protocol: "tcp"},
			{HostPort: 8001, ContainerPort: 9001, Protocol: "tcp"}},
		"9000-9001": {{ContainerPort: 9000, Protocol: "tcp"}, {ContainerPort: 9001, Protocol: "tcp"}},
		"":          nil, "x": nil, "70000": nil, "0": nil, "8080:0": nil, "1:2:3": nil, "host:1:2": nil, "5-1:80": nil,
		"8000-8002:1-2": nil, "-1": nil, "+1": nil, "08": nil,
	} {
		got, err := parsePublish(text)
		if (err == nil) != (want != nil) || want != nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v %v, want %+v", text, got, err, want)
		}
	}
}

// FuzzParsePublish checks that every accepted text results in valid pairs of ports.
func FuzzParsePublish(f *testing.F) {
	for _, seed := range []string{"80", "127.0.0.1:8000-8010:80/udp", "[::]:1-65535:1-65535", ":::", "/", "1-2:3-4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ports, err := parsePublish(text)
		if err == nil && len(ports) == 0 {
			t.Error("no port and no error")
		}
		for _, p := range ports {
			if p.ContainerPort == 0 || p.HostPortEnd != 0 && p.HostPortEnd <= p.HostPort {
				t.Errorf("%+v", p)
			}
		}
	})
}

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]*mctr.NetworkConfig{
		"blue":                                   {Name: "blue"},
		"blue:ip=10.0.0.1,mac=02:00:00:00:00:01": {Name: "blue", IPs: []string{"10.0.0.1"}, MAC: "02:00:00:00:00:01"},
		"name=blue,ip=fd00::1,ingress=10m": {Name: "blue", IPs: []string{"fd00::1"},
			Bandwidth: &mctr.Bandwidth{IngressRate: 10_000_000}},
		"blue:label=role=server,label=a=": {Name: "blue", Labels: map[string]string{"role": "server", "a": ""}},
		"":                                nil, ":ip=1": nil, "blue:ip": nil, "blue:ip=": nil, "blue:egress=fast": nil,
		"blue:label=x": nil, "blue:colour=red": nil, "name=": nil,
	} {
		got, err := parseNetwork(text)
		if (err == nil) != (want != nil) || want != nil && !reflect.DeepEqual(got, *want) {
			t.Errorf("%q: %+v %v, want %+v", text, got, err, want)
		}
	}
}
