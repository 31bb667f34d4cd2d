package cephtest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"
)

// configuration makes a small cluster fast: one copy of each object, and short intervals.
var configuration = template.Must(template.New("ceph.conf").Parse(`[global]
mon host = {{.Addresses}}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth allow insecure global id reclaim = false
keyring = {{.Dir}}/keyring
run dir = {{.Dir}}
pid file =
admin socket = {{.Dir}}/$name.asok
log file =
crash dir = {{.Dir}}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
[client]
admin socket =
client mount timeout = 20
[mon]
mon data = {{.Dir}}/mon
mon data avail crit = 1
mon data avail warn = 2
mon cluster log file =
paxos propose interval = 0.05
paxos min wait = 0.01
mon tick interval = 1
mds beacon grace = 6
[osd]
osd data = {{.Dir}}/osd
osd objectstore = {{.Store}}
memstore device bytes = 1073741824
bluestore block size = 1073741824
bluestore block wal create = false
bluestore block db create = false
osd max object name len = 256
osd max object namespace len = 64
[mds]
mds data = {{.Dir}}/mds
mds beacon interval = 1
mds beacon grace = 6
mds reconnect timeout = 5
mds cache memory limit = 67108864
`))

func (c *Cluster) configure(store Store, port int) error {
	var text bytes.Buffer
	err := configuration.Execute(&text, struct {
		Dir, Addresses string
		Store          Store
	}{c.dir, addresses(port), store})
	if err != nil {
		return err
	}
	admin, monitor := newKey(), newKey()
	all := keyring("client.admin", admin, "mon", "allow *", "osd", "allow *", "mds", "allow *") +
		keyring("osd.0", newKey(), "mon", "allow profile osd", "osd", "allow *") +
		keyring("mds.a", newKey(), "mon", "allow profile mds", "osd", "allow *", "mds", "allow *")
	first := keyring("mon.", monitor, "mon", "allow *")
	c.KeyFile = c.path("key.admin")
	return errors.Join(
		os.Mkdir(c.path("mon"), 0o700), os.Mkdir(c.path("osd"), 0o700), os.Mkdir(c.path("mds"), 0o700),
		os.WriteFile(c.path("ceph.conf"), text.Bytes(), 0o600),
		os.WriteFile(c.path("keyring"), []byte(all), 0o600),
		os.WriteFile(c.path("keyring.mon"), []byte(first+all), 0o600),
		os.WriteFile(c.KeyFile, []byte(admin+"\n"), 0o600))
}

func keyring(name, key string, caps ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "[%s]\n\tkey = %s\n", name, key)
	for i := 0; i < len(caps); i += 2 {
		fmt.Fprintf(&text, "\tcaps %s = \"%s\"\n", caps[i], caps[i+1])
	}
	return text.String()
}

// newKey returns a random key as Ceph encodes it: kind 1 (AES), the time of its creation, and 16 bytes
// with their number, in little-endian order (CryptoKey::encode).
func newKey() string {
	const aes, size = 1, 16
	data := binary.LittleEndian.AppendUint16(nil, aes)
	data = binary.LittleEndian.AppendUint32(data, uint32(time.Now().Unix()))
	data = binary.LittleEndian.AppendUint32(data, 0)
	data = binary.LittleEndian.AppendUint16(data, size)
	data = append(data, random(size)...)
	return base64.StdEncoding.EncodeToString(data)
}

func newUUID() string {
	b := random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
