package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Serve answers on the ports until stop is called.
func Serve(p Ports) (stop func(), err error) {
	tcp, err := net.Listen("tcp", ":"+strconv.Itoa(p.TCP))
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenPacket("udp", ":"+strconv.Itoa(p.UDP))
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	iperf := exec.Command("iperf3", "--server", "--port", strconv.Itoa(p.Stream))
	iperf.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := iperf.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start iperf3: %w", err), tcp.Close(), udp.Close())
	}
	go accept(tcp)
	go answer(udp)
	return func() {
		_ = tcp.Close()
		_ = udp.Close()
		_ = iperf.Process.Kill()
		_ = iperf.Wait() // the error says that it was killed
	}, nil
}

func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go echo(conn)
		}
	}
}

// echo sends back what it receives. It has a buffer of its own, so that the kernel does not splice
// and both directions cost the same.
func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, maxSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func answer(l net.PacketConn) {
	buffer := make([]byte, maxSize)
	for {
		n, from, err := l.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			_, _ = l.WriteTo(buffer[:n], from) // a datagram may be lost
		}
	}
}
