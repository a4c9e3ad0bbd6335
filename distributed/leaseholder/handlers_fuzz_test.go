package leaseholder

import (
	"context"
	"testing"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

type handlersOf map[rpc.Method]rpc.Handler

func (h handlersOf) Handle(m rpc.Method, fn rpc.Handler) { h[m] = fn }

// FuzzHandlers gives damaged requests to each method's handler: never a panic, and always an answer that its caller can
// read. What the handler would do with an intact one is refused by a server that is closed.
func FuzzHandlers(f *testing.F) {
	handlers := handlersOf{}
	Register(handlers, func(schema.ShardID) Server { return closedServer{} })
	RegisterNear(handlers, closedServer{}.Read)
	methods := []rpc.Method{
		methodRead, methodWrite, methodCommit, methodRollback, methodRollbackTo, methodReserveAutoInc, methodKeepAlive, methodClosedUpTo,
		methodPrepare, methodResolve, methodInspect, methodForget, methodRelease, methodTakeOver, methodReadNear,
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

// closedServer decodes what was sent with a request, and refuses it.
type closedServer struct{}

func (closedServer) Read(context.Context, *ReadRequest, *fragment.Page) error       { return ErrClosed }
func (closedServer) Write(context.Context, *WriteRequest) (*WriteReply, error)      { return nil, ErrClosed }
func (closedServer) Rollback(context.Context, schema.ShardID, fragment.TxnID) error { return ErrClosed }
func (closedServer) Release(context.Context, schema.ShardID, fragment.TxnID) error  { return ErrClosed }
func (closedServer) TakeOver(d *wire.Reader) error                                  { return d.Err() }

func (closedServer) Commit(context.Context, schema.ShardID, fragment.TxnID, mvcc.Timestamp) (mvcc.Timestamp, error) {
	return 0, ErrClosed
}

func (closedServer) Prepare(context.Context, schema.ShardID, fragment.TxnID, []schema.ShardID, mvcc.Timestamp) (mvcc.Timestamp, error) {
	return 0, ErrClosed
}

func (closedServer) Resolve(context.Context, schema.ShardID, fragment.TxnID, mvcc.Timestamp) error {
	return ErrClosed
}

func (closedServer) Inspect(context.Context, schema.ShardID, fragment.TxnID, bool, mvcc.Timestamp) (Standing, error) {
	return Standing{}, ErrClosed
}
func (closedServer) Forget(context.Context, schema.ShardID, []fragment.TxnID) error { return ErrClosed }

func (closedServer) RollbackTo(context.Context, schema.ShardID, fragment.TxnID, uint64, uint64) error {
	return ErrClosed
}
func (closedServer) KeepAlive(context.Context, schema.ShardID, []fragment.TxnID) error {
	return ErrClosed
}

func (closedServer) ReserveAutoInc(context.Context, schema.ShardID, schema.TabletID, uint64) (uint64, error) {
	return 0, ErrClosed
}

func (closedServer) ClosedUpTo(context.Context, schema.ShardID, mvcc.Timestamp) (Promise, error) {
	return Promise{}, ErrClosed
}
