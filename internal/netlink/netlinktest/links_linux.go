package netlinktest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Links changes interfaces. It stays in the namespace of the thread that opened it.
type Links struct{ fd int }

// Open returns Links of the calling thread's namespace.
func Open() (*Links, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err = unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Links{fd}, nil
}

// Close gives the socket back.
func (l *Links) Close() { _ = unix.Close(l.fd) }

// Fill makes n interfaces of whatever virtual kind this kernel has.
func (l *Links) Fill(n int) (kind string, err error) {
	for _, kind = range []string{"dummy", "ifb", "veth", "bridge"} {
		each := 1
		if kind == "veth" {
			each = 2 // the peer comes by itself
		}
		for i := 0; i < n; i += each {
			if err = l.Add(kind, fmt.Sprintf("link%d", i)); err != nil {
				break
			}
		}
		if err == nil {
			return kind, nil
		}
	}
	return "", fmt.Errorf("no kind of link can be made here: %w", err)
}

// Add makes one. The kernel names the peer of a veth: veth0 and so on.
func (l *Links) Add(kind, name string) error {
	return l.change(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.IfInfomsg{},
		named(name), attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte(kind))))
}

// Delete removes one.
func (l *Links) Delete(name string) error {
	return l.change(unix.RTM_DELLINK, 0, unix.IfInfomsg{}, named(name))
}

// Up lets one carry packets, or not.
func (l *Links) Up(name string, up bool) error {
	m := unix.IfInfomsg{Change: unix.IFF_UP}
	if up {
		m.Flags = unix.IFF_UP
	}
	return l.change(unix.RTM_NEWLINK, 0, m, named(name))
}

// Rename gives the interface of an index another name; it has to be down.
func (l *Links) Rename(index int, name string) error {
	return l.change(unix.RTM_NEWLINK, 0, unix.IfInfomsg{Index: int32(index)}, named(name))
}

// Move puts one into the network namespace that a descriptor stands for.
func (l *Links) Move(name string, namespace int) error {
	return l.change(unix.RTM_NEWLINK, 0, unix.IfInfomsg{}, named(name),
		attribute(unix.IFLA_NET_NS_FD, binary.NativeEndian.AppendUint32(nil, uint32(namespace))))
}

func named(name string) []byte { return attribute(unix.IFLA_IFNAME, append([]byte(name), 0)) }

// change sends one request and waits for its acknowledgement.
func (l *Links) change(kind, flags uint16, m unix.IfInfomsg, attributes ...[]byte) error {
	e := binary.NativeEndian
	body := []byte{m.Family, 0}
	body = e.AppendUint16(body, m.Type)
	body = e.AppendUint32(body, uint32(m.Index))
	body = e.AppendUint32(body, m.Flags)
	body = e.AppendUint32(body, m.Change)
	body = append(body, slices.Concat(attributes...)...)
	b := e.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	b = e.AppendUint16(b, kind)
	b = e.AppendUint16(b, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	b = e.AppendUint64(b, 0)
	b = append(b, body...)
	if _, err := unix.Write(l.fd, b); err != nil {
		return err
	}
	answer := make([]byte, 8192)
	n, err := unix.Read(l.fd, answer)
	if err != nil {
		return err
	}
	if n < 20 || e.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("unexpected answer %x", answer[:n])
	}
	if errno := int32(e.Uint32(answer[16:])); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

func attribute(kind uint16, value []byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint16(nil, uint16(4+len(value)))
	b = append(e.AppendUint16(b, kind), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
