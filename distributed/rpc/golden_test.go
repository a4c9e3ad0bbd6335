package rpc

import (
	"bytes"
	"fmt"
	"testing"

	"cloudsql/distributed/rpc/rpcgolden"
)

// TestGoldenFrames: what frames and the first words of a connection look like. They are the same in all versions of the
// cluster: whoever dials does not know yet whom it will talk to.
func TestGoldenFrames(t *testing.T) {
	rpcgolden.Check(t, goldenNewest, goldenFrames, readFrame)
}

func goldenFrames(int) (list []rpcgolden.Message) {
	add := func(name string, data []byte) { list = append(list, rpcgolden.Message{Name: name, Data: data}) }
	for _, h := range []header{
		{typ: frameRequest, method: 33, id: 1 << 40, timeoutMs: 5000}, {typ: frameRequest, method: 255, id: 1, timeoutMs: noTimeout},
		{typ: frameResponse, id: 2}, {typ: frameError, id: 3}, {typ: frameCancel, id: 4}, {typ: framePing}, {typ: framePong},
	} {
		add(fmt.Sprintf("frame %d of method %d", h.typ, h.method), appendFrame(nil, h, []byte("payload")))
	}
	cluster := ClusterID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for _, k := range []Kind{KindCalls, KindRaft, KindSnapshot} {
		add(fmt.Sprintf("hello for %d", k), appendHello(nil, hello{kind: k, cluster: cluster, from: 2, to: 300}))
	}
	add("answer", appendAnswer(nil, answerOK, 7, ""))
	add("refusal", appendAnswer(nil, answerRefused, 7, "another cluster"))
	return list
}

func readFrame(name string, data []byte) (string, error) {
	switch {
	case name == "answer" || name == "refusal":
		node, err := readAnswer(bytes.NewReader(data))
		return fmt.Sprintf("node %d, %v", node, err), nil
	case name[:5] == "hello":
		h, err := decodeHello(data)
		return fmt.Sprintf("kind %d cluster %v from %d to %d", h.kind, h.cluster, h.from, h.to), err
	}
	r := bytes.NewReader(data)
	h, err := readHeader(r, make([]byte, lengthSize+headerSize+requestExtra), defaultMaxLen)
	return fmt.Sprintf("type %d method %d id %d timeout %d, %d bytes of %d", h.typ, h.method, h.id, h.timeoutMs, h.payload, r.Len()), err
}
