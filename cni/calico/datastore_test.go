package calico_test

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
)

func TestDatastoreOf(t *testing.T) {
	whole := calico.Datastore{Endpoints: "https://a:2379,https://b:2379", KeyFile: "k", CertFile: "c", CAFile: "ca"}
	const plugin = `"type": "calico", "etcd_endpoints": "https://a:2379,https://b:2379", "etcd_key_file": "k", "etcd_cert_file": "c", "etcd_ca_cert_file": "ca"`
	for _, c := range []struct {
		in   string
		want calico.Datastore
		err  error
	}{
		{`{"name": "n", "plugins": [{"type": "bandwidth"}, {` + plugin + `, "datastore_type": "etcdv3"}]}`, whole, nil},
		{`{"name": "n", ` + plugin + `}`, whole, nil},
		{`{"plugins": [{"type": "bridge"}]}`, calico.Datastore{}, mctr.ErrInvalid},
		{`{"plugins": [{"type": "calico", "datastore_type": "kubernetes"}]}`, calico.Datastore{}, mctr.ErrUnsupported},
		{`{"plugins": [{"type": "calico"}]}`, calico.Datastore{}, mctr.ErrInvalid},
		{`{`, calico.Datastore{}, mctr.ErrInvalid},
	} {
		if got, err := calico.DatastoreOf([]byte(c.in)); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", c.in, got, err)
		}
	}
}
