package puller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
)

// manifest fetches a manifest or index, within the limit on documents.
func (p *peer) manifest(ctx context.Context, id string) (v1.Descriptor, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, headerTimeout+stallTimeout+patience)
	defer cancel()
	resp, err := p.get(ctx, "manifests/"+id, map[string]string{"Accept": strings.Join(manifest.Accept(), ", ")})
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	defer resp.Body.Close()
	limit := p.registry.config.Limits
	if resp.ContentLength > 0 {
		if err := limit.CheckSize("manifest", resp.ContentLength); err != nil {
			return v1.Descriptor{}, nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit.Document+1))
	if err != nil {
		return v1.Descriptor{}, nil, fmt.Errorf("%w: read manifest: %w", mctr.ErrUnavailable, err)
	}
	if err := limit.CheckSize("manifest", int64(len(data))); err != nil {
		return v1.Descriptor{}, nil, err
	}
	if err := checkHeader(resp.Header.Get("Docker-Content-Digest"), data); err != nil {
		return v1.Descriptor{}, nil, err
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return p.describe(mediaType, data)
}

// checkHeader compares a manifest with the digest in its header. It ignores a header that is not a
// digest.
func checkHeader(declared string, data []byte) error {
	want, err := digest.Parse(declared)
	if err != nil {
		return nil
	}
	if got := want.Algorithm().FromBytes(data); got != want {
		return fmt.Errorf("%w: manifest's digest is %s, its header says %s", mctr.ErrInvalid, got, want)
	}
	return nil
}

// describe returns the descriptor of a manifest, with a digest by the algorithm of the reference.
func (p *peer) describe(mediaType string, data []byte) (v1.Descriptor, []byte, error) {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if want := p.registry.ref.Digest(); want != "" {
		if d.Digest = want.Algorithm().FromBytes(data); d.Digest != want {
			return d, nil, fmt.Errorf("%w: manifest's digest is %s, want %s", mctr.ErrInvalid, d.Digest, want)
		}
	}
	return d, data, nil
}

func (p *peer) open(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	path, header := "blobs/"+d.Digest.String(), map[string]string{}
	if slices.Contains(manifest.Accept(), d.MediaType) {
		path, header["Accept"] = "manifests/"+d.Digest.String(), d.MediaType
	}
	if offset > 0 {
		header["Range"] = fmt.Sprintf("bytes=%d-%d", offset, d.Size-1)
	}
	body, err := p.openAt(ctx, path, header, offset)
	status, answered := errors.AsType[*transport.Error](err)
	if offset > 0 && (errors.Is(err, errWrongRange) ||
		answered && status.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
		delete(header, "Range") // the server cannot resume there: read from the beginning
		return p.openAt(ctx, path, header, offset)
	}
	return body, err
}

// openAt requests path and returns its content from offset on.
func (p *peer) openAt(ctx context.Context, path string, header map[string]string, offset int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	resp, err := p.get(ctx, path, header)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := newStallReader(ctx, resp.Body, cancel)
	if err := skip(resp, body, offset); err != nil {
		_ = body.Close()
		return nil, err
	}
	return body, nil
}

// errWrongRange marks an answer with another part of a blob than was requested.
var errWrongRange = errors.New("another range")

// skip advances the body to offset if the server ignored the Range header.
func skip(resp *http.Response, body io.Reader, offset int64) error {
	if resp.StatusCode == http.StatusPartialContent {
		if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, fmt.Sprintf("bytes %d-", offset)) {
			return fmt.Errorf("%w: requested bytes from %d, received %.80q: %w", mctr.ErrInvalid, offset, got,
				errWrongRange)
		}
		return nil
	}
	_, err := io.CopyN(io.Discard, body, offset)
	return err
}

// get requests a path beneath the repository, with authentication.
func (p *peer) get(ctx context.Context, path string, header map[string]string) (*http.Response, error) {
	client, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := p.ask(ctx, client, path, header)
	if err == nil && wantsToken(resp) {
		able, refused := p.withToken(ctx, client, resp)
		if refused != nil {
			return nil, errors.Join(refused, resp.Body.Close())
		}
		if able != client {
			_ = resp.Body.Close()
			resp, err = p.ask(ctx, able, path, header)
		}
	}
	if err != nil {
		return nil, describe(err)
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, describe(transport.CheckError(resp, http.StatusOK))
}

func (p *peer) ask(ctx context.Context, client *http.Client, path string,
	header map[string]string) (*http.Response, error) {
	u := *p.URL
	u.Path = "/v2/" + p.registry.ref.Repository() + "/" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	return client.Do(req)
}

// connect returns the client for the endpoint. The first call authenticates.
func (p *peer) connect(ctx context.Context) (*http.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client, nil
	}
	client, err := p.authenticate(ctx, p.transport())
	if err != nil {
		return nil, err
	}
	p.client = client
	return client, nil
}

// transport returns a transport to the endpoint.
func (p *peer) transport() http.RoundTripper {
	t := &endpointTransport{endpoint: p.Endpoint, registry: p.registry.ref.Host(), base: p.base, opened: func() {
		p.public.Store(true)
	}}
	if p.last {
		t.base = retryingTransport{p.base, patience, p.registry.config.Waiting}
	}
	return t
}
