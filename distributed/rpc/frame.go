package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// frameType tells what a frame is.
type frameType uint8

const (
	frameRequest  frameType = 1
	frameResponse frameType = 2
	frameError    frameType = 3 // payload: the handler's message
	frameCancel   frameType = 4 // the caller has given up on id
	framePing     frameType = 5
	framePong     frameType = 6
)

const (
	lengthSize    = 4
	headerSize    = 12            // after the length: type, method, 2 reserved, id
	requestExtra  = 4             // timeout
	noTimeout     = ^uint32(0)    // as a request's timeout: none
	maxTimeoutMs  = noTimeout - 1 // 49 days
	defaultMaxLen = 64 << 20
)

var errBadFrame = errors.New("rpc: malformed frame")

// header is a frame's fixed part.
type header struct {
	typ       frameType
	method    Method
	id        uint64
	timeoutMs uint32 // requests
	payload   int    // length of what follows
}

// appendFrame appends a whole frame.
func appendFrame(dst []byte, h header, payload []byte) []byte {
	n := headerSize + len(payload)
	if h.typ == frameRequest {
		n += requestExtra
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, byte(h.typ), byte(h.method), 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.id)
	if h.typ == frameRequest {
		dst = binary.LittleEndian.AppendUint32(dst, h.timeoutMs)
	}
	return append(dst, payload...)
}

// readHeader reads a frame up to its payload. buf is scratch space of at least lengthSize+headerSize+requestExtra bytes.
func readHeader(r io.Reader, buf []byte, maxLen int) (header, error) {
	b := buf[:lengthSize+headerSize]
	if _, err := io.ReadFull(r, b); err != nil {
		return header{}, err
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(maxLen) {
		return header{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	h := header{
		typ:    frameType(b[4]),
		method: Method(b[5]),
		id:     binary.LittleEndian.Uint64(b[8:]),
	}
	h.payload = int(n) - headerSize
	if h.typ == frameRequest {
		h.payload -= requestExtra
	}
	if h.payload < 0 || h.typ < frameRequest || h.typ > framePong || b[6] != 0 || b[7] != 0 {
		return header{}, errBadFrame
	}
	if h.typ == frameRequest {
		t := buf[:requestExtra]
		if _, err := io.ReadFull(r, t); err != nil {
			return header{}, err
		}
		h.timeoutMs = binary.LittleEndian.Uint32(t)
	}
	return h, nil
}

// timeoutOf turns the time left into a frame's field, at least 1 ms.
func timeoutOf(left time.Duration) uint32 {
	ms := (left + time.Millisecond - 1).Milliseconds() // rounded up: the caller's own deadline comes first
	switch {
	case ms < 1:
		return 1
	case ms > int64(maxTimeoutMs):
		return maxTimeoutMs
	}
	return uint32(ms)
}
