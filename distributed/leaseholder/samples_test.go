package leaseholder

import (
	"sync/atomic"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

const (
	testShard  schema.ShardID  = 7
	testTablet schema.TabletID = 70
)

var lastTestTxn atomic.Uint64

func newTestTxn() fragment.TxnID { return NewTxnID(9, 1000, lastTestTxn.Add(1)) }

func putWrite(key string, value int64) *fragment.Write {
	w := &fragment.Write{Kind: fragment.Put, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
	w.Rows.Width = 1
	w.Rows.Append([]types.Value{types.Int(value)})
	return w
}

func bumpWrite(key string) *fragment.Write {
	return &fragment.Write{Kind: fragment.Update, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
}

func autocommit(w ...*fragment.Write) *WriteRequest {
	return &WriteRequest{Shard: testShard, Txn: newTestTxn(), Writes: w, LockWait: time.Minute}
}

func pointRead(key string, at mvcc.Timestamp) *ReadRequest {
	return &ReadRequest{Shard: testShard, At: at,
		Read: &fragment.Read{Tablet: testTablet, Index: schema.PrimaryIndex, Keys: [][]byte{[]byte(key)}}}
}
