// Package tunnel carries packets between two hosts in a process: through a tun interface (tun(4))
// on each, over UDP, and encrypted with AES-GCM if there is a key. It imitates overlays of that
// kind, flannel's udp backend and Weave's encrypted sleeve, and has none of their code.
//
// In the kernel: the interface, which ends with the process.
package tunnel

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// outer is the size of the headers around a packet: IPv4, UDP.
	outer = 28
	// sealed is the size that a key adds: a counter and the tag.
	sealed = 8 + 16
	most   = 1 << 16
)

// A Tunnel is one end of a tunnel.
type Tunnel struct {
	Device      string
	Local, Peer string // addresses with ports on the underlay
	Key         []byte // 16, 24 or 32 bytes; nil: not encrypted
	MTU         int    // of the underlay
}

// Run carries packets until ctx ends. It calls ready when the interface is up.
func (t *Tunnel) Run(ctx context.Context, ready func() error) error {
	device, err := t.open()
	if err != nil {
		return err
	}
	defer device.Close()
	local, err := net.ResolveUDPAddr("udp", t.Local)
	if err != nil {
		return err
	}
	peer, err := net.ResolveUDPAddr("udp", t.Peer)
	if err != nil {
		return err
	}
	socket, err := net.DialUDP("udp", local, peer)
	if err != nil {
		return err
	}
	defer socket.Close()
	seal, open, err := t.cipher()
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _, _ = device.Close(), socket.Close() })
	if err := ready(); err != nil {
		return err
	}
	done := make(chan error, 2)
	go func() { done <- carry(device, socket, seal) }()
	go func() { done <- carry(socket, device, open) }()
	err = <-done
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type pipe interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}

// carry forwards each packet. A packet that cannot be forwarded is lost, as on a wire.
func carry(from, to pipe, change func(out, packet []byte) ([]byte, error)) error {
	in, out := make([]byte, most), make([]byte, 0, most)
	for {
		n, err := from.Read(in)
		if errors.Is(err, unix.ECONNREFUSED) {
			continue // the other end has not started yet
		}
		if err != nil {
			return err
		}
		if packet, err := change(out, in[:n]); err == nil {
			_, _ = to.Write(packet)
		}
	}
}

// cipher returns the functions that encrypt outgoing and decrypt incoming packets.
func (t *Tunnel) cipher() (seal, open func(out, packet []byte) ([]byte, error), err error) {
	if t.Key == nil {
		as := func(_, packet []byte) ([]byte, error) { return packet, nil }
		return as, as, nil
	}
	block, err := aes.NewCipher(t.Key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, err
	}
	var count atomic.Uint64
	side := byte(0)
	if t.Local > t.Peer {
		side = 1 // the two ends never use the same nonce
	}
	seal = func(out, packet []byte) ([]byte, error) {
		head := binary.BigEndian.AppendUint64(out[:0], count.Add(1))
		return gcm.Seal(head, nonce(side, head), packet, nil), nil
	}
	open = func(out, packet []byte) ([]byte, error) {
		if len(packet) < sealed {
			return nil, errors.New("too short")
		}
		return gcm.Open(out[:0], nonce(1-side, packet[:8]), packet[8:], nil)
	}
	return seal, open, nil
}

func nonce(side byte, counter []byte) []byte { return append([]byte{side, 0, 0, 0}, counter[:8]...) }

// open makes the interface and sets it up.
func (t *Tunnel) open() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(t.Device)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the interface %s: %w", t.Device, err), unix.Close(fd))
	}
	device := os.NewFile(uintptr(fd), t.Device)
	if err := t.up(); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

func (t *Tunnel) up() error {
	link, err := netlink.LinkByName(t.Device)
	if err != nil {
		return err
	}
	mtu := t.MTU - outer
	if t.Key != nil {
		mtu -= sealed
	}
	return errors.Join(netlink.LinkSetMTU(link, mtu), netlink.LinkSetUp(link))
}
