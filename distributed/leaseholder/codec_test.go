package leaseholder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

func sampleRead() *ReadRequest {
	q := pointRead("key", 77)
	q.From, q.MaxBytes, q.Txn = []byte("from"), 4096, newTestTxn()
	q.Join, q.SkipLocked, q.Lock, q.LockWait, q.Ranges, q.Read.Report = true, true, lock.Exclusive, 50*time.Second, true, true
	q.Read.RowsOnly, q.columnar = true, true
	return q
}

func sampleWrite() *WriteRequest {
	q := autocommit(putWrite("a", 1), bumpWrite("b"))
	q.Buffer, q.Join, q.Seq = true, true, 9
	return q
}

func TestRequestCodecs(t *testing.T) {
	q := sampleRead()
	data, err := appendReadRequest(nil, q, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeReadRequest(data)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Read.Keys[0]) != "key" {
		t.Fatalf("%+v", got.Read)
	}
	got.Read = q.Read
	if !reflect.DeepEqual(got, q) {
		t.Fatalf("%+v is not %+v", got, q)
	}
	w := sampleWrite()
	if data, err = appendWriteRequest(nil, w, version.Max); err != nil {
		t.Fatal(err)
	}
	gotWrite, err := decodeWriteRequest(data)
	if err != nil || len(gotWrite.Writes) != 2 || string(gotWrite.Writes[1].Keys[0]) != "b" {
		t.Fatalf("%+v %v", gotWrite, err)
	}
	gotWrite.Writes = w.Writes // without First, it vouches for nothing
	if !reflect.DeepEqual(gotWrite, w) {
		t.Fatalf("%+v is not %+v", gotWrite, w)
	}
	ids := []fragment.TxnID{newTestTxn(), newTestTxn()}
	d := wire.NewReader(appendTxnIDs(nil, ids))
	if !reflect.DeepEqual(readTxnIDs(d), ids) || d.End() != nil {
		t.Fatal("transaction ids differ")
	}
}

func TestReplyCodecs(t *testing.T) {
	for _, want := range []error{
		nil, mysqlerr.New(1205), &NotLeaseholder{Shard: 3, Holder: 4, Epoch: 5}, shard.ErrSchemaChanged, shard.ErrNoTablet,
		shard.ErrTooOld,
	} {
		got := readReply(wire.NewReader(appendReply(nil, want)))
		if !reflect.DeepEqual(got, want) && !errors.Is(got, want) {
			t.Errorf("%v became %v", want, got)
		}
	}
	for _, unknown := range []error{ErrUnknown, ErrClosed, context.Canceled, fmt.Errorf("x: %w", context.DeadlineExceeded)} {
		if got := readReply(wire.NewReader(appendReply(nil, unknown))); !OutcomeUnknown(got) {
			t.Errorf("%v became %v", unknown, got)
		}
	}
	var failure *RemoteFailure
	if got := readReply(wire.NewReader(appendReply(nil, errors.New("why")))); !errors.As(got, &failure) || failure.Message != "why" {
		t.Error(got)
	}
	r := &WriteReply{TS: 5, Mark: 6, Results: []fragment.WriteResult{{Affected: 2}, {Err: mysqlerr.New(1062, "1", "t.PRIMARY")}}}
	d := wire.NewReader(appendWriteReply(nil, r))
	if got := readWriteReply(d); d.End() != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v became %+v", r, got)
	}
}

// Images come with the results of those who ask for them, and with no others.
func TestRepliesWithImages(t *testing.T) {
	images := &fragment.Images{Kinds: []fragment.ImageKind{fragment.RowWent}}
	images.Rows.Reset(2)
	images.Rows.Append([]types.Value{types.Int(1), types.Null})
	r := &WriteReply{Results: []fragment.WriteResult{{Affected: 1}, {Affected: 2, Images: images}}}
	data := appendWriteReply(nil, r)
	d := wire.NewReader(data)
	got := readWriteReply(d)
	if d.End() != nil || got.Results[0].Images != nil || got.Results[1].Images == nil || got.Results[1].Images.Rows.Row(0)[0].Int() != 1 {
		t.Errorf("%+v became %+v", r, got)
	}
	for n := range data {
		readWriteReply(wire.NewReader(data[:n]))
	}
}

func TestTxnID(t *testing.T) {
	a, b := NewTxnID(3, 1_700_000_000_123, 1), NewTxnID(3, 1_700_000_000_123, 1<<33)
	if GatewayOf(a) != 3 || a == b || a == NewTxnID(3, 1_700_000_000_124, 1) || bytes.Compare(a[:], b[:]) >= 0 {
		t.Error(a, b)
	}
}

func FuzzDecodeReadRequest(f *testing.F) {
	data, err := appendReadRequest(nil, sampleRead(), version.Max)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := decodeReadRequest(data)
		if err != nil {
			return
		}
		again, err := appendReadRequest(nil, q, version.Max)
		if err != nil {
			return // an expression that decodes, but is not portable
		}
		if _, err := decodeReadRequest(again); err != nil {
			t.Fatalf("written again, it cannot be read: %v", err)
		}
	})
}

func FuzzDecodeWriteRequest(f *testing.F) {
	data, err := appendWriteRequest(nil, sampleWrite(), version.Max)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := decodeWriteRequest(data)
		if err != nil {
			return
		}
		again, err := appendWriteRequest(nil, q, version.Max)
		if err != nil {
			return
		}
		if _, err := decodeWriteRequest(again); err != nil {
			t.Fatalf("written again, it cannot be read: %v", err)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add(appendReply(nil, &NotLeaseholder{Shard: 1, Holder: 2, Epoch: 3}))
	f.Add(appendReply(nil, mysqlerr.New(1213)))
	f.Add(appendWriteReply(appendReply(nil, nil), &WriteReply{TS: 1, Results: make([]fragment.WriteResult, 2)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := wire.NewReader(data)
		if readReply(d) == nil {
			readWriteReply(d)
		}
	})
}
