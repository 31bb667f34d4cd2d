package provisioner_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/puller"
)

// big is an image whose layer does not compress, of size bytes.
func big(t *testing.T, size int) imagetest.Content {
	t.Helper()
	noise := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(noise)
	return imagetest.Build(t, imagetest.Spec{Layers: [][]byte{
		imagetest.Tar(t, imagetest.File("noise", string(noise))), imagetest.Tar(t, imagetest.File("last", "x")),
	}})
}

func TestPullFromRegistry(t *testing.T) {
	specs := map[string]imagetest.Spec{
		"oci":    {},
		"docker": {Docker: true},
		"zstd":   {Compress: "zstd"},
		"plain":  {Compress: "none"},
	}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			r := imagetest.NewRegistry(t)
			spec.Layers = [][]byte{imagetest.Tar(t, imagetest.File("a", name))}
			ref := r.Push(t, "some/image", "v1", imagetest.Build(t, spec))
			p, _ := newProvisioner(t)
			launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
				wantFile(t, filepath.Join(target, "a"), name)
			})
		})
	}
}

func TestWarmLeaseAsksNobody(t *testing.T) {
	r := imagetest.NewRegistry(t)
	ref := r.Push(t, "image", "v1", imagetest.Simple(t, "x"))
	p, _ := newProvisioner(t)
	ctx := context.Background()
	if _, err := p.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	img, err := p.Lease(ctx, "c1", ref, provisioner.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	byID, err := p.Lease(ctx, "c2", img.ID.Encoded()[:12], provisioner.PullOptions{})
	if err != nil || byID.Reference != img.Reference {
		t.Errorf("lease by id: %+v, %v", byID, err)
	}
	held, err := p.Leases()
	if err != nil || len(held) != 2 || held["c1"].Digest != img.Digest {
		t.Errorf("leases: %v, %v", held, err)
	}
}

func TestPolicies(t *testing.T) {
	r := imagetest.NewRegistry(t)
	ref := r.Push(t, "image", "v1", imagetest.Simple(t, "old"))
	p, _ := newProvisioner(t)
	ctx := context.Background()
	text := func(policy provisioner.PullPolicy) string {
		img, err := p.Pull(ctx, ref, provisioner.PullOptions{Policy: policy})
		if err != nil {
			return fmt.Sprint(errors.Is(err, mctr.ErrNotFound), errors.Is(err, mctr.ErrUnavailable))
		}
		return img.Config.Env[0]
	}
	want := func(policy provisioner.PullPolicy, text1 string) {
		t.Helper()
		if got := text(policy); got != text1 {
			t.Errorf("%s: %s, want %s", policy, got, text1)
		}
	}
	want(provisioner.Never, "true false")
	want(provisioner.Missing, "TEXT=old")
	r.Push(t, "image", "v1", imagetest.Simple(t, "new"))
	want(provisioner.Missing, "TEXT=old")
	want(provisioner.Never, "TEXT=old")
	want(provisioner.Newer, "TEXT=new")
	r.Push(t, "image", "v1", imagetest.Simple(t, "newest"))
	want(provisioner.Always, "TEXT=newest")
	r.Close()
	want(provisioner.Newer, "TEXT=newest")
	want(provisioner.Always, "false true")
}

func TestAuthentication(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		t.Run(fmt.Sprintf("bearer=%v", bearer), func(t *testing.T) {
			r := imagetest.NewRegistry(t)
			ref := r.Push(t, "private/image", "v1", imagetest.Simple(t, "x"))
			r.Basic, r.Bearer = "user:pass word", bearer
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("DOCKER_CONFIG", filepath.Join(home, "docker"))
			t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(home, "auth.json"))
			p, _ := newProvisioner(t)
			_, err := p.Pull(context.Background(), ref, provisioner.PullOptions{})
			if !errors.Is(err, errdefs.ErrUnauthenticated) {
				t.Fatalf("without credentials: %v, want ErrUnauthenticated", err)
			}
			for _, file := range []string{"docker/config.json", "auth.json"} {
				writeAuth(t, filepath.Join(home, file), r.Host(), r.Basic)
				if _, err := p.Pull(context.Background(), ref,
					provisioner.PullOptions{Policy: provisioner.Always}); err != nil {
					t.Errorf("with %s: %v", file, err)
				}
				if err := os.Remove(filepath.Join(home, file)); err != nil {
					t.Fatal(err)
				}
			}
			given := func(host, repository string) (puller.Credentials, error) {
				if host != r.Host() || repository != "private/image" {
					t.Errorf("credentials asked for %s %s", host, repository)
				}
				return puller.Credentials{Username: "user", Password: "pass word"}, nil
			}
			if _, err := p.Pull(context.Background(), ref,
				provisioner.PullOptions{Policy: provisioner.Always, Auth: given}); err != nil {
				t.Errorf("with given credentials: %v", err)
			}
		})
	}
}

func writeAuth(t *testing.T, file, host, basic string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	data := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte(basic)))
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestResume pulls from a registry that breaks each answer off.
func TestResume(t *testing.T) {
	for _, noRange := range []bool{false, true} {
		t.Run(fmt.Sprintf("noRange=%v", noRange), func(t *testing.T) {
			r := imagetest.NewRegistry(t)
			c := big(t, 1<<20)
			ref := r.Push(t, "image", "v1", c)
			r.CutAfter, r.NoRange = 300_000, noRange
			p, _ := newProvisioner(t)
			_, err := p.Pull(context.Background(), ref, provisioner.PullOptions{})
			if noRange {
				if !errors.Is(err, mctr.ErrUnavailable) {
					t.Errorf("a registry that never gets beyond the break: %v, want ErrUnavailable", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			layer := c.Manifest(t).Layers[0]
			if asked := r.Asked(layer.Digest.String()); asked != 4 || len(r.Ranges()) != 3 {
				t.Errorf("the layer of %d bytes was asked for %d times, ranges %q; want 4 with 3 ranges", layer.Size,
					asked, r.Ranges())
			}
		})
	}
}

// TestTwoPullersAskOnce has several provisioners in this and other processes pull
// at once.
func TestTwoPullersAskOnce(t *testing.T) {
	r := imagetest.NewRegistry(t)
	c := big(t, 1<<20)
	ref := r.Push(t, "image", "v1", c)
	root := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			p, err := provisioner.New(root, provisioner.WithHostsDirs())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := p.Lease(context.Background(), fmt.Sprintf("c%d", i), ref,
				provisioner.PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			if state, out := child(t, "lease", root, ref, ""); !state.Success() {
				t.Error(out)
			}
		})
	}
	wg.Wait()
	m := c.Manifest(t)
	for _, d := range append(m.Layers, m.Config) {
		if n := r.Asked(d.Digest.String()); n != 1 {
			t.Errorf("blob %s was asked for %d times, want once", d.Digest, n)
		}
	}
}

func TestPlatforms(t *testing.T) {
	r := imagetest.NewRegistry(t)
	image := func(arch, variant string) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{
			Platform: v1.Platform{OS: "linux", Architecture: arch, Variant: variant},
			Config:   v1.ImageConfig{User: arch + variant},
		})
	}
	index := imagetest.Index(t, image("s390x", ""), image("arm", "v6"),
		imagetest.Index(t, image("arm64", "v8"), image("amd64", "")))
	ref := r.Push(t, "image", "v1", index)
	alone := r.Push(t, "alone", "v1", image("s390x", ""))
	cases := []struct {
		ref, platform, want string
		err                 error
	}{
		{ref, "linux/s390x", "s390x", nil},
		{ref, "linux/arm/v7", "armv6", nil},
		{ref, "linux/arm64", "arm64v8", nil},
		{ref, "linux/amd64", "amd64", nil},
		{ref, "linux/arm/v5", "", mctr.ErrNotFound},
		{ref, "windows/amd64", "", mctr.ErrNotFound},
		{ref, "linux", "", mctr.ErrInvalid},
		{alone, "linux/s390x", "s390x", nil},
		{alone, "", "s390x", nil},
		{alone, "linux/amd64", "", mctr.ErrNotFound},
	}
	p, _ := newProvisioner(t)
	for _, c := range cases {
		img, err := p.Pull(context.Background(), c.ref, provisioner.PullOptions{Platform: c.platform})
		if !errors.Is(err, c.err) || err == nil && img.Config.User != c.want {
			t.Errorf("%s %s: %+v, %v; want %s, %v", c.ref, c.platform, img, err, c.want, c.err)
		}
	}
}

// TestMirrors follows hosts.toml: a mirror that lacks the image, one that is
// down, one under a path of its own with a header, the server last.
func TestMirrors(t *testing.T) {
	empty, full, server := imagetest.NewRegistry(t), imagetest.NewRegistry(t), imagetest.NewTLSRegistry(t)
	c := imagetest.Simple(t, "mirrored")
	full.Push(t, "team/image", "v1", c)
	server.Push(t, "team/image", "v1", c)
	var seen sync.Map
	full.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/proxy/path"); ok {
			seen.Store("ns", r.URL.Query().Get("ns"))
			seen.Store("header", r.Header.Get("X-Test"))
			r.URL.Path = "/v2" + rest
			return false
		}
		http.NotFound(w, r)
		return true
	}
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	writePEM(t, ca, server)
	hosts := fmt.Sprintf(`
server = %q
ca = "ca.pem"
[host.%q]
capabilities = ["pull", "resolve"]
[host."http://127.0.0.1:1"]
[host.%q]
override_path = true
[host.%q.header]
X-Test = ["yes"]
`, server.URL, empty.URL, full.URL+"/proxy/path", full.URL+"/proxy/path")
	writeHosts(t, dir, "registry.test", hosts, ca)
	p, _ := newProvisioner(t, provisioner.WithHostsDirs(filepath.Join(dir, "none"), dir))
	if _, err := p.Pull(context.Background(), "registry.test/team/image:v1", provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	ns, _ := seen.Load("ns")
	header, _ := seen.Load("header")
	if ns != "registry.test" || header != "yes" || server.Asked("") != 0 || empty.Asked("v1") != 1 {
		t.Errorf("ns %v, header %v, server asked %d times, empty mirror %d", ns, header, server.Asked(""),
			empty.Asked("v1"))
	}
	full.Close()
	if _, err := p.Pull(context.Background(), "registry.test/team/image:v1",
		provisioner.PullOptions{Policy: provisioner.Always}); err != nil {
		t.Errorf("from the server, whose certificate hosts.toml names: %v", err)
	}
}

func writeHosts(t *testing.T, dir, registry, hosts, ca string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, registry), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(ca, filepath.Join(dir, registry, filepath.Base(ca))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, registry, "hosts.toml"), []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTransport: TLS that nobody vouches for is refused, and so is plain HTTP
// but on loopback or where it is asked for.
func TestTransport(t *testing.T) {
	tls := imagetest.NewTLSRegistry(t)
	ref := tls.Push(t, "image", "v1", imagetest.Simple(t, "x"))
	p, _ := newProvisioner(t)
	if _, err := p.Pull(context.Background(), ref, provisioner.PullOptions{}); !errors.Is(err, mctr.ErrUnavailable) {
		t.Errorf("unknown certificate: %v, want ErrUnavailable", err)
	}
	plain := imagetest.NewRegistry(t)
	plain.Push(t, "image", "v1", imagetest.Simple(t, "x"))
	// A name for 127.0.0.1 that does not look like loopback.
	_, port, _ := net.SplitHostPort(plain.Host())
	dir := t.TempDir()
	named := "plain.test:" + port
	if err := os.MkdirAll(filepath.Join(dir, named), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(server string) {
		data := fmt.Sprintf("server = %q\n", server)
		if err := os.WriteFile(filepath.Join(dir, named, "hosts.toml"), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		server string
		allow  []string
		ok     bool
	}{
		{"https://" + plain.Host(), nil, false},
		{"http://" + plain.Host(), nil, true},
		{"https://" + plain.Host(), []string{plain.Host()}, true},
	} {
		write(c.server)
		p, _ := newProvisioner(t, provisioner.WithHostsDirs(dir), provisioner.WithPlainHTTP(c.allow...))
		if _, err := p.Pull(context.Background(), named+"/image:v1", provisioner.PullOptions{}); (err == nil) != c.ok {
			t.Errorf("%s, plain http allowed for %q: %v", c.server, c.allow, err)
		}
	}
}

// TestDistribution pulls from the registry that everybody runs.
func TestDistribution(t *testing.T) {
	addr := distribution(t, "")
	index := imagetest.Index(t, imagetest.Simple(t, "real"))
	ref := imagetest.PushTo(t, "http://"+addr, "deep/er/image", "v1", index)
	p, _ := newProvisioner(t)
	launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
		wantFile(t, filepath.Join(target, "etc/text"), "real")
	})
	img, err := p.Pull(context.Background(), addr+"/deep/er/image@"+index.Top.Digest.String(),
		provisioner.PullOptions{})
	if err != nil || img.Index != index.Top.Digest {
		t.Errorf("by digest: %+v, %v", img, err)
	}
	_, err = p.Pull(context.Background(), addr+"/deep/er/image:none", provisioner.PullOptions{})
	if !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("a tag that is not there: %v, want ErrNotFound", err)
	}
}

// distribution starts Debian's docker-registry, with more lines of its configuration.
func distribution(t *testing.T, more string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(
		"version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n%s",
		filepath.Join(dir, "data"), addr, more)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker-registry", "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the registry does not answer")
	return ""
}
