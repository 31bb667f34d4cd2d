package calico

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// A Datastore locates the etcd that the hosts of a Calico network share.
type Datastore struct {
	Endpoints string // URLs, separated by commas
	KeyFile   string // the client's key, PEM; the files are optional if etcd wants none
	CertFile  string
	CAFile    string // the authority that signed etcd's certificate, PEM
}

// DatastoreOf reads the datastore from the plugin calico of a CNI network's configuration, a list
// or a single plugin. The error wraps mctr.ErrInvalid if the network is not Calico's, and
// mctr.ErrUnsupported if its datastore is Kubernetes.
func DatastoreOf(network []byte) (Datastore, error) {
	var list struct {
		plugin
		Plugins []plugin `json:"plugins"`
	}
	if err := json.Unmarshal(network, &list); err != nil {
		return Datastore{}, fmt.Errorf("%w: CNI network: %w", mctr.ErrInvalid, err)
	}
	plugins := append(list.Plugins, list.plugin)
	i := slices.IndexFunc(plugins, func(p plugin) bool { return p.Type == "calico" })
	if i < 0 {
		return Datastore{}, fmt.Errorf("%w: the network has no plugin of type calico", mctr.ErrInvalid)
	}
	return plugins[i].datastore()
}

// plugin is the part of the configuration that Calico's CNI plugin reads.
type plugin struct {
	Type      string `json:"type"`
	Datastore string `json:"datastore_type"`
	Endpoints string `json:"etcd_endpoints"`
	KeyFile   string `json:"etcd_key_file"`
	CertFile  string `json:"etcd_cert_file"`
	CAFile    string `json:"etcd_ca_cert_file"`
}

func (p plugin) datastore() (Datastore, error) {
	switch {
	case p.Datastore != "" && p.Datastore != "etcdv3":
		return Datastore{}, fmt.Errorf("%w: datastore_type %s: want etcdv3, the only datastore without Kubernetes",
			mctr.ErrUnsupported, p.Datastore)
	case p.Endpoints == "":
		return Datastore{}, fmt.Errorf("%w: the network's plugin calico has no etcd_endpoints", mctr.ErrInvalid)
	}
	return Datastore{Endpoints: p.Endpoints, KeyFile: p.KeyFile, CertFile: p.CertFile, CAFile: p.CAFile}, nil
}

// config returns the datastore as a configuration file of calicoctl.
func (d Datastore) config() ([]byte, error) {
	return json.Marshal(map[string]any{
		"apiVersion": apiVersion, "kind": "CalicoAPIConfig", "metadata": map[string]any{},
		"spec": map[string]string{
			"datastoreType": "etcdv3", "etcdEndpoints": d.Endpoints,
			"etcdKeyFile": d.KeyFile, "etcdCertFile": d.CertFile, "etcdCACertFile": d.CAFile,
		},
	})
}
