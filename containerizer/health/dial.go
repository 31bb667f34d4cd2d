package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ownthread"
)

// TCP probes a port on the loopback of a network namespace, which netns names.
func TCP(netns string, port uint16) Probe {
	return func(ctx context.Context) (Answer, error) {
		conn, err := dial(ctx, netns, port)
		if err != nil {
			return Answer{}, err
		}
		return Answer{}, conn.Close()
	}
}

// HTTP probes a server on the loopback of a network namespace. Redirects are not
// followed: they say that the server works.
func HTTP(netns string, get mctr.HTTPGet) Probe {
	scheme, path := get.Scheme, get.Path
	if scheme == "" {
		scheme = "http"
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	url := fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, get.Port, path)
	client := &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dial(ctx, netns, get.Port)
			},
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it is asked whether it answers, not who it is
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) (Answer, error) { return Answer{}, ask(ctx, client, url) }
}

func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 399 {
		return fmt.Errorf("GET %s: %s", url, answer.Status)
	}
	return nil
}

// dial connects to the port on the namespace's IPv4 loopback.
func dial(ctx context.Context, netns string, port uint16) (net.Conn, error) {
	fd, err := socketIn(netns)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "probe")
	defer f.Close()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	if err := connect(ctx, fd, port); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return net.FileConn(f)
}

// connect waits for the connection at most as long as ctx lasts.
func connect(ctx context.Context, fd int, port uint16) error {
	err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}})
	if !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		const look = 50 * time.Millisecond // so often it is asked whether ctx has ended
		n, err := unix.Poll(fds, int(look/time.Millisecond))
		switch {
		case context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case errors.Is(err, unix.EINTR) || n == 0 && err == nil:
			continue
		case err != nil:
			return err
		}
		number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || number == 0 {
			return err
		}
		return unix.Errno(number)
	}
}

// socketIn makes a socket in another network namespace, by a thread of its own.
func socketIn(netns string) (fd int, err error) {
	ns, err := unix.Open(netns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open network namespace %s: %w", netns, err)
	}
	defer unix.Close(ns)
	err = ownthread.Run(0, func() (err error) {
		if err = unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", netns, err)
		}
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	return fd, err
}
