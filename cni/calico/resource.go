package calico

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/mctr/mctr"
)

const apiVersion = v3.GroupVersionCurrent

// DefaultNamespace is the namespace of all containers, and of policies that name none.
const DefaultNamespace = "default"

// A Resource is a resource of Calico with kind and apiVersion: *v3.IPPool, *v3.NetworkPolicy,
// *v3.GlobalNetworkPolicy or *v3.Profile.
type Resource interface {
	metav1.Object
	runtime.Object
}

// newOf returns an empty resource of kind. The error wraps mctr.ErrInvalid for an unknown kind.
func newOf(kind string) (Resource, error) {
	known := map[string]Resource{
		v3.KindIPPool: v3.NewIPPool(), v3.KindProfile: v3.NewProfile(),
		v3.KindNetworkPolicy: v3.NewNetworkPolicy(), v3.KindGlobalNetworkPolicy: v3.NewGlobalNetworkPolicy(),
	}
	if known[kind] == nil {
		return nil, fmt.Errorf("%w: kind %q: want one of %s", mctr.ErrInvalid, kind,
			strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return known[kind], nil
}

// KindOf returns a resource's kind.
func KindOf(r Resource) string { return r.GetObjectKind().GroupVersionKind().Kind }

// Decode reads resources in YAML or JSON that are separated by lines of "---". The error wraps
// mctr.ErrInvalid for an unknown or repeated field, so that a misspelt rule is not ignored.
func Decode(r io.Reader) ([]Resource, error) {
	documents := yaml.NewYAMLReader(bufio.NewReader(r))
	var all []Resource
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := sigsyaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, fmt.Errorf("%w: resource %d: %w", mctr.ErrInvalid, len(all)+1, err)
		}
		if bytes.Equal(data, []byte("null")) { // the document has only comments
			continue
		}
		resource, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("resource %d: %w", len(all)+1, err)
		}
		all = append(all, resource)
	}
}

func decode(data []byte) (Resource, error) {
	var meta metav1.TypeMeta
	if err := json.Unmarshal(data, &meta); err != nil {
		return nil, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	if meta.APIVersion != apiVersion {
		return nil, fmt.Errorf("%w: apiVersion %q: want %s", mctr.ErrInvalid, meta.APIVersion, apiVersion)
	}
	resource, err := newOf(meta.Kind)
	if err != nil {
		return nil, err
	}
	unknown, err := strict.UnmarshalStrict(data, resource)
	if err = errors.Join(append(unknown, err)...); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", mctr.ErrInvalid, meta.Kind, err)
	}
	return resource, nil
}
