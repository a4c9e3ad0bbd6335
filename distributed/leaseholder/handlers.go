package leaseholder

import (
	"context"
	"encoding/binary"
	"sync"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// Register serves a node's replicas to others; find gives a shard's, or nil. Typed errors travel inside
// the response, so that a handler itself never fails.
func Register(reg rpc.Registrar, find func(schema.ShardID) Server) {
	h := newHandlers(find)
	for m, fn := range map[rpc.Method]func(context.Context, []byte) []byte{
		methodRead:           h.read,
		methodWrite:          h.write,
		methodCommit:         h.commit,
		methodRollback:       h.rollback,
		methodRollbackTo:     h.rollbackTo,
		methodReserveAutoInc: h.reserveAutoInc,
		methodRelease:        h.release,
		methodPrepare:        h.prepare,
		methodResolve:        h.resolve,
		methodInspect:        h.inspect,
		methodForget:         h.forget,
		methodKeepAlive:      h.keepAlive,
		methodClosedUpTo:     h.closedUpTo,
		methodTakeOver:       h.takeOver,
	} {
		reg.Handle(m, func(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) { return fn(ctx, req), nil })
	}
}

// defaultPageBytes is how large the pages of reads are that do not say.
const defaultPageBytes = 256 << 10

type handlers struct {
	find  func(schema.ShardID) Server
	pages sync.Pool
}

func newHandlers(find func(schema.ShardID) Server) *handlers {
	h := &handlers{find: find}
	h.pages.New = func() any { return new(fragment.Page) }
	return h
}

func (h *handlers) replica(s schema.ShardID) (Server, error) {
	if r := h.find(s); r != nil {
		return r, nil
	}
	return nil, &NotLeaseholder{Shard: s}
}

func (h *handlers) read(ctx context.Context, req []byte) []byte {
	return h.answerRead(ctx, req, func(ctx context.Context, q *ReadRequest, page *fragment.Page) error {
		r, err := h.replica(q.Shard)
		if err != nil {
			return err
		}
		if q.MaxBytes == 0 {
			q.MaxBytes = defaultPageBytes
		}
		return r.Read(ctx, q, page)
	})
}

// answerRead decodes a read, and answers with the page that serve fills.
func (h *handlers) answerRead(ctx context.Context, req []byte, serve func(context.Context, *ReadRequest, *fragment.Page) error) []byte {
	q, err := decodeReadRequest(req)
	if err != nil {
		return appendReply(nil, err)
	}
	chargeEnv(ctx, q.Read.Env)
	page := h.pages.Get().(*fragment.Page)
	defer h.pages.Put(page)
	if err := serve(ctx, q, page); err != nil {
		return appendReply(nil, err)
	}
	return appendPage(appendReply(make([]byte, 0, 512), nil), q, page)
}

func (h *handlers) write(ctx context.Context, req []byte) []byte {
	q, err := decodeWriteRequest(req)
	if err != nil {
		return appendReply(nil, err)
	}
	r, err := h.replica(q.Shard)
	if err != nil {
		return appendReply(nil, err)
	}
	for _, w := range q.Writes {
		chargeEnv(ctx, w.Env)
	}
	reply, err := r.Write(ctx, q)
	if err != nil {
		return appendReply(nil, err)
	}
	return appendWriteReply(appendReply(make([]byte, 0, 64), nil), reply)
}

// chargeEnv has large values of another node's request charged to whom the call is.
func chargeEnv(ctx context.Context, env *expr.Env) {
	if env != nil {
		env.Memory = memory.FromContext(ctx, nil)
	}
}

// onTxn decodes what the calls about one transaction have in common.
func (h *handlers) onTxn(req []byte, fn func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error)) []byte {
	d := wire.NewReader(req)
	s, txn := readTarget(d)
	if d.Err() != nil {
		return appendReply(nil, d.Err())
	}
	r, err := h.replica(s)
	if err != nil {
		return appendReply(nil, err)
	}
	result, err := fn(r, s, txn, d)
	if err != nil {
		return appendReply(nil, err)
	}
	return append(appendReply(nil, nil), result...)
}

// onTxns is onTxn for the calls about several transactions, which have no result.
func (h *handlers) onTxns(req []byte, fn func(r Server, s schema.ShardID, txns []fragment.TxnID) error) []byte {
	d := wire.NewReader(req)
	s := schema.ShardID(d.Uvarint())
	txns := readTxnIDs(d)
	if err := d.End(); err != nil {
		return appendReply(nil, err)
	}
	r, err := h.replica(s)
	if err == nil {
		err = fn(r, s, txns)
	}
	return appendReply(nil, err)
}

func (h *handlers) commit(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		first := readFirst(d)
		if err := d.End(); err != nil {
			return nil, err
		}
		ts, err := r.Commit(ctx, s, txn, first)
		return binary.AppendUvarint(nil, uint64(ts)), err
	})
}

func (h *handlers) rollback(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		if err := d.End(); err != nil {
			return nil, err
		}
		return nil, r.Rollback(ctx, s, txn)
	})
}

func (h *handlers) release(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		if err := d.End(); err != nil {
			return nil, err
		}
		return nil, r.Release(ctx, s, txn)
	})
}

func (h *handlers) prepare(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		participants, first := readParticipants(d)
		if err := d.End(); err != nil {
			return nil, err
		}
		ts, err := r.Prepare(ctx, s, txn, participants, first)
		return binary.AppendUvarint(nil, uint64(ts)), err
	})
}

// readParticipants reads them and, behind what is no shard, the request's first timestamp.
func readParticipants(d *wire.Reader) (participants []schema.ShardID, first mvcc.Timestamp) {
	for d.Err() == nil && len(d.Rest()) > 0 {
		p := schema.ShardID(d.Uvarint())
		if p == 0 {
			return participants, readFirst(d)
		}
		participants = append(participants, p)
	}
	return participants, 0
}

func (h *handlers) resolve(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		ts := mvcc.Timestamp(d.Uvarint())
		if err := d.End(); err != nil {
			return nil, err
		}
		return nil, r.Resolve(ctx, s, txn, ts)
	})
}

func (h *handlers) inspect(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		abort := d.Bool()
		first := readFirst(d)
		if err := d.End(); err != nil {
			return nil, err
		}
		st, err := r.Inspect(ctx, s, txn, abort, first)
		return binary.AppendUvarint([]byte{byte(st.Status)}, uint64(st.TS)), err
	})
}

func (h *handlers) forget(ctx context.Context, req []byte) []byte {
	return h.onTxns(req, func(r Server, s schema.ShardID, txns []fragment.TxnID) error { return r.Forget(ctx, s, txns) })
}

func (h *handlers) rollbackTo(ctx context.Context, req []byte) []byte {
	return h.onTxn(req, func(r Server, s schema.ShardID, txn fragment.TxnID, d *wire.Reader) ([]byte, error) {
		mark, seq := d.Uvarint(), d.Uvarint()
		if err := d.End(); err != nil {
			return nil, err
		}
		return nil, r.RollbackTo(ctx, s, txn, mark, seq)
	})
}

func (h *handlers) keepAlive(ctx context.Context, req []byte) []byte {
	return h.onTxns(req, func(r Server, s schema.ShardID, txns []fragment.TxnID) error { return r.KeepAlive(ctx, s, txns) })
}

func (h *handlers) reserveAutoInc(ctx context.Context, req []byte) []byte {
	d := wire.NewReader(req)
	s, t, n := schema.ShardID(d.Uvarint()), schema.TabletID(d.Uvarint()), d.Uvarint()
	if err := d.End(); err != nil {
		return appendReply(nil, err)
	}
	r, err := h.replica(s)
	if err != nil {
		return appendReply(nil, err)
	}
	first, err := r.ReserveAutoInc(ctx, s, t, n)
	if err != nil {
		return appendReply(nil, err)
	}
	return binary.AppendUvarint(appendReply(nil, nil), first)
}

func (h *handlers) takeOver(_ context.Context, req []byte) []byte {
	d := wire.NewReader(req)
	s := schema.ShardID(d.Uvarint())
	if d.Err() != nil {
		return appendReply(nil, d.Err())
	}
	r, err := h.replica(s)
	if err == nil {
		err = r.TakeOver(d)
	}
	return appendReply(nil, err)
}
