package leaseholder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cloudsql/distributed/lock"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/rpc/rpcgolden"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// TestGoldenMessages: requests and responses of each version. What differs between versions of this package is in
// golden_shim_test.go.
func TestGoldenMessages(t *testing.T) {
	rpcgolden.Check(t, goldenNewest, goldenMessages, readGolden)
}

// recorder keeps what is to be sent.
type recorder struct{ sent []byte }

func (r *recorder) Call(_ context.Context, _ schema.NodeID, _ rpc.Method, req []byte) ([]byte, error) {
	r.sent = bytes.Clone(req)
	return nil, rpc.ErrNotSent
}

func goldenTxn(b byte) (id fragment.TxnID) {
	for i := range id {
		id[i] = b + byte(i)
	}
	return id
}

func goldenMessages(v int) (list []rpcgolden.Message) {
	var rec recorder
	ctx, g := context.Background(), goldenRemote(&rec, v)
	request := func(name string, err error) {
		if !errors.Is(err, rpc.ErrNotSent) {
			panic(err)
		}
		list = append(list, rpcgolden.Message{Name: name, Data: rec.sent})
	}
	id, page := goldenTxn(0x10), new(fragment.Page)

	plain := pointRead("key", 0)
	request("read newest", g.Read(ctx, plain, page))
	full := pointRead("key", 77)
	full.From, full.MaxBytes, full.Txn, full.Session = []byte("from"), 4096, id, 12
	full.Join, full.SkipLocked, full.NoWait, full.Lock, full.LockWait, full.Ranges = true, true, true, lock.Exclusive, 50*time.Second, true
	request("read in a transaction", g.Read(ctx, full, page))

	one := &WriteRequest{Shard: testShard, Txn: id, Writes: []*fragment.Write{putWrite("a", 1)}, LockWait: time.Minute, Session: 3}
	_, err := g.Write(ctx, one)
	request("write", err)
	two := &WriteRequest{Shard: testShard, Txn: id, Buffer: true, Join: true, Seq: 9}
	two.Writes = []*fragment.Write{putWrite("a", -1), bumpWrite("b")}
	goldenFirst(two, v)
	_, err = g.Write(ctx, two)
	request("write in a transaction", err)

	request("commit", goldenCommit(ctx, g, id, v))
	request("prepare", goldenPrepare(ctx, g, id, v))
	request("inspect", goldenInspect(ctx, g, id, v))
	request("rollback", g.Rollback(ctx, testShard, id))
	request("release", g.Release(ctx, testShard, id))
	request("rollback to", g.RollbackTo(ctx, testShard, id, 300, 7))
	request("resolve", g.Resolve(ctx, testShard, id, 1<<40))
	ids := []fragment.TxnID{id, goldenTxn(0x80)}
	request("forget", g.Forget(ctx, testShard, ids))
	request("keep alive", g.KeepAlive(ctx, testShard, ids))
	_, err = g.ReserveAutoInc(ctx, testShard, 5, 1000)
	request("reserve", err)
	_, err = g.ClosedUpTo(ctx, testShard, 1<<41)
	request("closed up to", err)

	for _, r := range goldenReplies(v) {
		list = append(list, rpcgolden.Message{Name: "answer: " + r.name, Data: appendReply(nil, r.err)})
	}
	reply := &WriteReply{TS: 5, Mark: 6, Results: []fragment.WriteResult{{Affected: 2, Changed: 1}, {Err: mysqlerr.New(1062, "1", "t.PRIMARY")}}}
	list = append(list, rpcgolden.Message{Name: "wrote", Data: appendWriteReply(appendReply(nil, nil), reply)})
	return list
}

type goldenReply struct {
	name string
	err  error
}

// commonReplies are written alike in all versions.
func commonReplies() []goldenReply {
	return []goldenReply{
		{"done", nil}, {"schema changed", shard.ErrSchemaChanged}, {"no tablet", shard.ErrNoTablet}, {"too old", shard.ErrTooOld},
		{"an error of MySQL's", mysqlerr.New(1205)}, {"unknown", ErrUnknown}, {"failed", errors.New("why")},
	}
}

// readGolden says what a message means.
func readGolden(name string, data []byte) (string, error) {
	d := wire.NewReader(data)
	switch name {
	case "read newest", "read in a transaction":
		q, err := decodeReadRequest(data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("shard %d txn %x join %v no wait %v skip %v ranges %v lock %d wait %v session %d at %d most %d from %q"+
			": tablet %d index %d keys %q",
			q.Shard, q.Txn, q.Join, q.NoWait, q.SkipLocked, q.Ranges, q.Lock, q.LockWait, q.Session, q.At, q.MaxBytes, q.From,
			q.Read.Tablet, q.Read.Index, q.Read.Keys), nil
	case "write", "write in a transaction":
		q, err := decodeWriteRequest(data)
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("shard %d txn %x join %v buffer %v seq %d session %d wait %v%s:", q.Shard, q.Txn, q.Join, q.Buffer, q.Seq, q.Session,
			q.LockWait, goldenFirstOf(q))
		for _, w := range q.Writes {
			text += fmt.Sprintf(" kind %d tablet %d keys %q rows %d", w.Kind, w.Tablet, w.Keys, w.Rows.Len())
		}
		return text, nil
	case "forget", "keep alive":
		s := d.Uvarint()
		return fmt.Sprintf("shard %d txns %x", s, readTxnIDs(d)), d.End()
	case "reserve":
		return fmt.Sprintf("shard %d tablet %d n %d", d.Uvarint(), d.Uvarint(), d.Uvarint()), d.End()
	case "closed up to":
		return fmt.Sprintf("shard %d want %d", d.Uvarint(), d.Uvarint()), d.End()
	case "wrote":
		if err := readReply(d); err != nil {
			return "", err
		}
		r := readWriteReply(d)
		text := fmt.Sprintf("ts %d mark %d:", r.TS, r.Mark)
		for i := range r.Results {
			x := &r.Results[i]
			text += fmt.Sprintf(" affected %d changed %d error %v", x.Affected, x.Changed, x.Err)
		}
		return text, d.End()
	}
	if len(name) > 8 && name[:8] == "answer: " {
		err := readReply(d)
		return fmt.Sprintf("%v, code %d, in doubt %v", err, mysqlerr.Code(err), OutcomeUnknown(err)), nil
	}
	s, txn := readTarget(d)
	text := fmt.Sprintf("shard %d txn %x", s, txn)
	switch name {
	case "commit":
		text += goldenReadFirst(d)
	case "prepare":
		text += goldenReadParticipants(d)
	case "inspect":
		text += fmt.Sprintf(" abort %v", d.Bool()) + goldenReadFirst(d)
	case "rollback to":
		text += fmt.Sprintf(" mark %d seq %d", d.Uvarint(), d.Uvarint())
	case "resolve":
		text += fmt.Sprintf(" ts %d", d.Uvarint())
	}
	return text, d.End()
}
