package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"cloudsql/storage/schema"
)

// Kind says what a connection is for.
type Kind uint8

// The kinds. Numbers are part of the protocol.
const (
	KindCalls    Kind = 1 // request and response frames
	KindRaft     Kind = 2 // raft messages, one way
	KindSnapshot Kind = 3 // one replica snapshot, one way
)

// ClusterID names a cluster. Zero is a node that belongs to none yet and wants to join.
type ClusterID [16]byte

func (c ClusterID) String() string { return fmt.Sprintf("%x", c[:]) }

// IsZero tells a node that belongs to no cluster.
func (c ClusterID) IsZero() bool { return c == ClusterID{} }

// ErrRefused is a peer's refusal to talk: another cluster, another version, another node than expected.
var ErrRefused = errors.New("rpc: connection refused by peer")

const (
	helloMagic      = "csql"
	protocolVersion = 1
	helloSize       = 4 + 1 + 1 + 16 + 8 + 8
	answerSize      = 4 + 1 + 1 + 8 + 2
	helloTimeout    = 5 * time.Second

	answerOK      = 0
	answerRefused = 1
)

// hello is what the dialling side says first.
type hello struct {
	kind    Kind
	cluster ClusterID
	from    schema.NodeID
	to      schema.NodeID // 0: whoever answers
}

func appendHello(dst []byte, h hello) []byte {
	dst = append(dst, helloMagic...)
	dst = append(dst, protocolVersion, byte(h.kind))
	dst = append(dst, h.cluster[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.from))
	return binary.LittleEndian.AppendUint64(dst, uint64(h.to))
}

func decodeHello(b []byte) (h hello, err error) {
	if len(b) != helloSize || string(b[:4]) != helloMagic {
		return h, errors.New("rpc: not a cloudsql node")
	}
	if b[4] != protocolVersion {
		return h, fmt.Errorf("rpc: peer speaks protocol version %d, this node %d", b[4], protocolVersion)
	}
	h.kind = Kind(b[5])
	copy(h.cluster[:], b[6:22])
	h.from = schema.NodeID(binary.LittleEndian.Uint64(b[22:]))
	h.to = schema.NodeID(binary.LittleEndian.Uint64(b[30:]))
	return h, nil
}

func appendAnswer(dst []byte, status byte, node schema.NodeID, message string) []byte {
	message = message[:min(len(message), 1000)]
	dst = append(dst, helloMagic...)
	dst = append(dst, protocolVersion, status)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(node))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(message)))
	return append(dst, message...)
}

func readAnswer(r io.Reader) (node schema.NodeID, err error) {
	var b [answerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	if string(b[:4]) != helloMagic {
		return 0, errors.New("rpc: not a cloudsql node")
	}
	msg := make([]byte, binary.LittleEndian.Uint16(b[14:]))
	if _, err := io.ReadFull(r, msg); err != nil {
		return 0, err
	}
	if b[5] != answerOK {
		return 0, fmt.Errorf("%w: %s", ErrRefused, msg)
	}
	if b[4] != protocolVersion {
		return 0, fmt.Errorf("rpc: peer speaks protocol version %d, this node %d", b[4], protocolVersion)
	}
	return schema.NodeID(binary.LittleEndian.Uint64(b[6:])), nil
}

// sayHello opens a dialled connection and gives the node that answered.
func sayHello(c net.Conn, h hello) (schema.NodeID, error) {
	_ = c.SetDeadline(time.Now().Add(helloTimeout))
	defer func() { _ = c.SetDeadline(time.Time{}) }()
	if _, err := c.Write(appendHello(nil, h)); err != nil {
		return 0, err
	}
	return readAnswer(c)
}
