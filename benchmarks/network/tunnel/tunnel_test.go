package tunnel

import (
	"bytes"
	"testing"
)

// ends returns the two ends of a tunnel with this key.
func ends(key string) (a, b *Tunnel) {
	a, b = &Tunnel{Local: "1.1.1.1:1", Peer: "2.2.2.2:1"}, &Tunnel{Local: "2.2.2.2:1", Peer: "1.1.1.1:1"}
	if key != "" {
		a.Key, b.Key = []byte(key), []byte(key)
	}
	return a, b
}

// TestSealed checks that only the other end can read a packet, and that no two packets are alike.
func TestSealed(t *testing.T) {
	a, b := ends("0123456789abcdef")
	seal, _, err := a.cipher()
	if err != nil {
		t.Fatal(err)
	}
	_, open, err := b.cipher()
	if err != nil {
		t.Fatal(err)
	}
	packet := []byte("a packet that nobody else is to read")
	one, err := seal(nil, packet)
	if err != nil {
		t.Fatal(err)
	}
	two, err := seal(nil, packet)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(one, packet) || bytes.Equal(one[8:], two[8:]) || len(one) != len(packet)+sealed {
		t.Error("it is not sealed as it should be")
	}
	if got, err := open(nil, one); err != nil || !bytes.Equal(got, packet) {
		t.Errorf("opened %q %v", got, err)
	}
	two[len(two)-1] ^= 1
	if _, err := open(nil, two); err == nil {
		t.Error("a changed packet was taken")
	}
	if _, err := open(nil, []byte("short")); err == nil {
		t.Error("a short packet was taken")
	}
}

func TestOpen(t *testing.T) {
	a, _ := ends("")
	seal, open, err := a.cipher()
	if err != nil {
		t.Fatal(err)
	}
	for _, as := range []func(out, packet []byte) ([]byte, error){seal, open} {
		if got, err := as(nil, []byte("x")); string(got) != "x" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	a.Key = []byte("bad")
	if _, _, err := a.cipher(); err == nil {
		t.Error("a key of three bytes was taken")
	}
}
