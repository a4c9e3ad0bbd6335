package protocol

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp asks the kernel whether the peer has closed its side of the connection. It never waits, takes no lock that a
// reader of the connection holds, and a request that the client sent ahead does not hide the end behind it.
func hungUp(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		const ended = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR | unix.POLLNVAL
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&ended != 0
	})
	return err == nil && gone
}
