package replica

import (
	"context"
	"testing"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

type handlersOf map[rpc.Method]rpc.Handler

func (h handlersOf) Handle(m rpc.Method, fn rpc.Handler) { h[m] = fn }

// FuzzHandlers gives damaged requests to each method's handler: never a panic, and always an answer that its caller can
// read. What the handler would do with an intact one is refused by a replica that is closed.
func FuzzHandlers(f *testing.F) {
	c := newFakeCluster(f, 1, nil)
	r := c.replicas[0]
	r.Close()
	handlers := handlersOf{}
	RegisterHandlers(handlers, func(schema.ShardID) *Replica { return r })
	methods := []rpc.Method{
		methodRead, methodWrite, methodCommit, methodRollback, methodRollbackTo, methodReserveAutoInc, methodKeepAlive, methodClosedUpTo,
		methodPrepare, methodResolve, methodInspect, methodForget, methodRelease, methodTakeOver,
	}
	if len(methods) != len(handlers) {
		f.Fatalf("%d methods of %d", len(methods), len(handlers))
	}
	for i := range methods {
		for _, m := range goldenMessages(goldenNewest) {
			f.Add(byte(i), m.Data)
		}
	}
	f.Fuzz(func(t *testing.T, method byte, data []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		resp, err := handlers[methods[int(method)%len(methods)]](ctx, 2, data)
		if err != nil || len(resp) == 0 {
			t.Fatalf("%x, %v", resp, err)
		}
		if d := wire.NewReader(resp); readReply(d) == nil && d.Err() != nil {
			t.Fatalf("%x: %v", resp, d.Err())
		}
	})
}
