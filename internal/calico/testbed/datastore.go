package testbed

import "path/filepath"

const (
	etcdAddr = "198.18.0.1"
	endpoint = "https://" + etcdAddr + ":2379"
)

// startEtcd starts etcd on the switch, for clients with a certificate.
func (b *Testbed) startEtcd() {
	b.t.Helper()
	b.tls = newCertificates(b.t, b.Switch.Dir)
	b.Switch.Serve("etcd", nil, "etcd", "--data-dir", filepath.Join(b.Switch.Dir, "etcd"), "--unsafe-no-fsync",
		"--log-level", "warn", "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint,
		"--listen-peer-urls", "http://127.0.0.1:2380", "--client-cert-auth", "--trusted-ca-file", b.tls.ca,
		"--cert-file", b.tls.cert, "--key-file", b.tls.key)
	Eventually(b.t, "etcd is healthy", func() error {
		_, err := b.Switch.Try(nil, "curl", "-sSf", "-m", "2", "--cacert", b.tls.ca, "--cert", b.tls.cert, "--key",
			b.tls.key, endpoint+"/health")
		return err
	})
}

// calico returns the variables for etcd in the environment of calicoctl and calico-node.
func (c certificates) calico() []string {
	return []string{"DATASTORE_TYPE=etcdv3", "ETCD_ENDPOINTS=" + endpoint, "ETCD_CA_CERT_FILE=" + c.ca,
		"ETCD_CERT_FILE=" + c.cert, "ETCD_KEY_FILE=" + c.key}
}

// felix returns the variables for etcd in Felix's environment.
func (c certificates) felix() []string {
	return []string{"FELIX_DATASTORETYPE=etcdv3", "FELIX_ETCDENDPOINTS=" + endpoint, "FELIX_ETCDCAFILE=" + c.ca,
		"FELIX_ETCDCERTFILE=" + c.cert, "FELIX_ETCDKEYFILE=" + c.key}
}

// plugin returns the settings for etcd in the CNI plugin's configuration.
func (c certificates) plugin() map[string]any {
	return map[string]any{"datastore_type": "etcdv3", "etcd_endpoints": endpoint, "etcd_ca_cert_file": c.ca,
		"etcd_cert_file": c.cert, "etcd_key_file": c.key}
}
