package leaseholder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// The methods of a Service over the node RPC. Numbers are part of the protocol: never reuse one.
const (
	methodRead           = rpc.MethodsReplica + 1
	methodWrite          = rpc.MethodsReplica + 2
	methodCommit         = rpc.MethodsReplica + 3
	methodRollback       = rpc.MethodsReplica + 4
	methodRollbackTo     = rpc.MethodsReplica + 5
	methodReserveAutoInc = rpc.MethodsReplica + 6
	methodKeepAlive      = rpc.MethodsReplica + 7
	methodClosedUpTo     = rpc.MethodsReplica + 16
	methodPrepare        = rpc.MethodsReplica + 17
	methodResolve        = rpc.MethodsReplica + 18
	methodInspect        = rpc.MethodsReplica + 19
	methodForget         = rpc.MethodsReplica + 20
	methodRelease        = rpc.MethodsReplica + 21
	methodTakeOver       = rpc.MethodsReplica + 22
	methodReadNear       = rpc.MethodsReplica + 23
)

// Remote is another node's Service. Besides Service's errors there are the network's: those that match rpc.ErrNotSent
// left no trace, the others match OutcomeUnknown.
type Remote struct {
	caller rpc.Caller
	node   schema.NodeID
	gate   *version.Gate
}

var _ Service = (*Remote)(nil)

// NewRemote gives the service of a node's replicas; gate tells which version it is talked to in.
func NewRemote(caller rpc.Caller, node schema.NodeID, gate *version.Gate) *Remote {
	return &Remote{caller, node, gate}
}

// Node is who is called.
func (c *Remote) Node() schema.NodeID { return c.node }

// buffers are for requests; a Caller does not keep them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKeptBuffer is how much a pooled buffer may hold on to.
const maxKeptBuffer = 64 << 10

// call sends what fill appends and gives the response, positioned at its result.
func (c *Remote) call(ctx context.Context, m rpc.Method, fill func(dst []byte) ([]byte, error)) (*wire.Reader, error) {
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= maxKeptBuffer {
			buffers.Put(buf)
		}
	}()
	req, err := fill((*buf)[:0])
	if err != nil {
		return nil, fmt.Errorf("replica: a request cannot be sent to another node: %w", err)
	}
	*buf = req
	resp, err := c.caller.Call(ctx, c.node, m, req)
	if err != nil {
		return nil, outcomeOf(err)
	}
	d := wire.NewReader(resp)
	if err := readReply(d); err != nil {
		return nil, err
	}
	return d, nil
}

// outcomeOf tells apart the requests that may have been executed.
func outcomeOf(err error) error {
	var refused *rpc.RemoteError
	if errors.Is(err, rpc.ErrNotSent) || errors.As(err, &refused) {
		return err
	}
	return errors.Join(ErrUnknown, err)
}

// OutcomeUnknown tells whether a request that ended with err may have been, or may yet be executed.
func OutcomeUnknown(err error) bool {
	if err == nil {
		return false
	}
	var moved *NotLeaseholder // on the heap
	return errors.Is(err, ErrUnknown) || errors.Is(err, ErrClosed) || errors.As(err, &moved) && moved.Doubtful
}

// Read implements Service. The page's values alias the response, which is nobody else's.
func (c *Remote) Read(ctx context.Context, q *ReadRequest, page *fragment.Page) error {
	return c.read(ctx, methodRead, q, page)
}

func (c *Remote) read(ctx context.Context, m rpc.Method, q *ReadRequest, page *fragment.Page) error {
	d, err := c.call(ctx, m, func(dst []byte) ([]byte, error) { return appendReadRequest(dst, q, c.gate.Active()) })
	if err != nil {
		return err
	}
	return readPage(d, page)
}

// Write implements Service.
func (c *Remote) Write(ctx context.Context, q *WriteRequest) (*WriteReply, error) {
	d, err := c.call(ctx, methodWrite, func(dst []byte) ([]byte, error) { return appendWriteRequest(dst, q, c.gate.Active()) })
	if err != nil {
		return nil, err
	}
	reply := readWriteReply(d)
	if err := d.End(); err != nil {
		return nil, errors.Join(ErrUnknown, err)
	}
	return reply, nil
}

// Commit implements Service.
func (c *Remote) Commit(ctx context.Context, s schema.ShardID, txn fragment.TxnID, first mvcc.Timestamp) (mvcc.Timestamp, error) {
	return c.callForTS(ctx, methodCommit, func(dst []byte) ([]byte, error) {
		return appendFirst(appendTarget(dst, s, txn), first), nil
	})
}

// callForTS is call for steps of a commit that give a timestamp.
func (c *Remote) callForTS(ctx context.Context, m rpc.Method, fill func(dst []byte) ([]byte, error)) (mvcc.Timestamp, error) {
	d, err := c.call(ctx, m, fill)
	if err != nil {
		return 0, err
	}
	ts := mvcc.Timestamp(d.Uvarint())
	if err := d.End(); err != nil {
		return 0, errors.Join(ErrUnknown, err)
	}
	return ts, nil
}

// Rollback implements Service.
func (c *Remote) Rollback(ctx context.Context, s schema.ShardID, txn fragment.TxnID) error {
	_, err := c.call(ctx, methodRollback, func(dst []byte) ([]byte, error) { return appendTarget(dst, s, txn), nil })
	return err
}

// Release implements Service.
func (c *Remote) Release(ctx context.Context, s schema.ShardID, txn fragment.TxnID) error {
	_, err := c.call(ctx, methodRelease, func(dst []byte) ([]byte, error) { return appendTarget(dst, s, txn), nil })
	return err
}

// Prepare implements Service.
func (c *Remote) Prepare(ctx context.Context, s schema.ShardID, txn fragment.TxnID, participants []schema.ShardID,
	first mvcc.Timestamp) (mvcc.Timestamp, error) {
	return c.callForTS(ctx, methodPrepare, func(dst []byte) ([]byte, error) {
		dst = appendTarget(dst, s, txn)
		for _, p := range participants {
			dst = binary.AppendUvarint(dst, uint64(p))
		}
		if first != 0 { // after what is no shard
			dst = appendFirst(binary.AppendUvarint(dst, 0), first)
		}
		return dst, nil
	})
}

// Resolve implements Service.
func (c *Remote) Resolve(ctx context.Context, s schema.ShardID, txn fragment.TxnID, ts mvcc.Timestamp) error {
	_, err := c.call(ctx, methodResolve, func(dst []byte) ([]byte, error) {
		return binary.AppendUvarint(appendTarget(dst, s, txn), uint64(ts)), nil
	})
	return err
}

// Inspect implements Service.
func (c *Remote) Inspect(ctx context.Context, s schema.ShardID, txn fragment.TxnID, abort bool, first mvcc.Timestamp) (Standing, error) {
	d, err := c.call(ctx, methodInspect, func(dst []byte) ([]byte, error) {
		return appendFirst(wire.AppendBool(appendTarget(dst, s, txn), abort), first), nil
	})
	if err != nil {
		return Standing{}, err
	}
	st := Standing{Status: shard.Status(d.Byte()), TS: mvcc.Timestamp(d.Uvarint())}
	return st, d.End()
}

// Forget implements Service.
func (c *Remote) Forget(ctx context.Context, s schema.ShardID, txns []fragment.TxnID) error {
	return c.callAbout(ctx, methodForget, s, txns)
}

// RollbackTo implements Service.
func (c *Remote) RollbackTo(ctx context.Context, s schema.ShardID, txn fragment.TxnID, mark, seq uint64) error {
	_, err := c.call(ctx, methodRollbackTo, func(dst []byte) ([]byte, error) {
		dst = appendTarget(dst, s, txn)
		return binary.AppendUvarint(binary.AppendUvarint(dst, mark), seq), nil
	})
	return err
}

// callAbout is call about several transactions, without a result.
func (c *Remote) callAbout(ctx context.Context, m rpc.Method, s schema.ShardID, txns []fragment.TxnID) error {
	_, err := c.call(ctx, m, func(dst []byte) ([]byte, error) {
		return appendTxnIDs(binary.AppendUvarint(dst, uint64(s)), txns), nil
	})
	return err
}

// KeepAlive implements Service.
func (c *Remote) KeepAlive(ctx context.Context, s schema.ShardID, txns []fragment.TxnID) error {
	return c.callAbout(ctx, methodKeepAlive, s, txns)
}

// ReserveAutoInc implements Service.
func (c *Remote) ReserveAutoInc(ctx context.Context, s schema.ShardID, t schema.TabletID, n uint64) (uint64, error) {
	d, err := c.call(ctx, methodReserveAutoInc, func(dst []byte) ([]byte, error) {
		for _, v := range [...]uint64{uint64(s), uint64(t), n} {
			dst = binary.AppendUvarint(dst, v)
		}
		return dst, nil
	})
	if err != nil {
		return 0, err
	}
	first := d.Uvarint()
	return first, d.End()
}

// TakeOver passes on what Server.TakeOver takes, with the shard's id before it.
func (c *Remote) TakeOver(ctx context.Context, msg []byte) error {
	_, err := c.call(ctx, methodTakeOver, func([]byte) ([]byte, error) { return msg, nil })
	return err
}
