package leaseholder

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// Flags of requests. Bits are part of the protocol between nodes.
const (
	flagJoin = 1 << iota
	flagNoWait
	flagSkipLocked
	flagBuffer
	flagRanges
	flagReport   // who does not know it gives no report, and is asked for none
	flagRowsOnly // who does not know it has no columnar copies
	flagColumnar // with flagReport: Report.Columnar is asked for, which not all can read
)

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// appendTarget begins every request: the shard and the transaction.
func appendTarget(dst []byte, s schema.ShardID, txn fragment.TxnID) []byte {
	dst = binary.AppendUvarint(dst, uint64(s))
	return append(dst, txn[:]...)
}

func readTarget(d *wire.Reader) (s schema.ShardID, txn fragment.TxnID) {
	s = schema.ShardID(d.Uvarint())
	copy(txn[:], d.Take(uint64(len(txn))))
	return s, txn
}

// appendFirst and readFirst carry what a request's first try knew (WriteRequest.First), at its end. Nodes of earlier versions
// read none: they are sent none, which is what 0 means.
func appendFirst(dst []byte, first mvcc.Timestamp) []byte {
	if first == 0 {
		return dst
	}
	return binary.AppendUvarint(dst, uint64(first))
}

func readFirst(d *wire.Reader) mvcc.Timestamp {
	if d.Err() != nil || len(d.Rest()) == 0 {
		return 0
	}
	return mvcc.Timestamp(d.Uvarint())
}

// appendWait and readWait carry a duration in microseconds.
func appendWait(dst []byte, d time.Duration) []byte {
	return binary.AppendUvarint(dst, uint64(max(d, 0)/time.Microsecond))
}

func readWait(d *wire.Reader) time.Duration {
	return time.Duration(min(d.Uvarint(), uint64(maxWait/time.Microsecond))) * time.Microsecond
}

// maxWait bounds lock waits: MySQL's own limit of innodb_lock_wait_timeout is 2^30 s.
const maxWait = (1 << 30) * time.Second

func appendReadRequest(dst []byte, q *ReadRequest, v version.Version) ([]byte, error) {
	dst = appendTarget(dst, q.Shard, q.Txn)
	dst = append(dst, flag(q.Join, flagJoin)|flag(q.NoWait, flagNoWait)|flag(q.SkipLocked, flagSkipLocked)|
		flag(q.Ranges, flagRanges)|flag(q.Read.Report, flagReport|flagColumnar)|flag(q.Read.RowsOnly, flagRowsOnly), byte(q.Lock))
	dst = appendWait(dst, q.LockWait)
	dst = binary.AppendUvarint(dst, q.Session)
	dst = binary.AppendUvarint(dst, uint64(q.At))
	dst = binary.AppendUvarint(dst, uint64(max(q.MaxBytes, 0)))
	dst = wire.AppendOptional(dst, q.From)
	return fragment.AppendRead(dst, q.Read, v)
}

// decodeReadRequest reads a request; it aliases src.
func decodeReadRequest(src []byte) (*ReadRequest, error) {
	d := wire.NewReader(src)
	q := &ReadRequest{}
	q.Shard, q.Txn = readTarget(d)
	flags := d.Byte()
	q.Join, q.NoWait, q.SkipLocked = flags&flagJoin != 0, flags&flagNoWait != 0, flags&flagSkipLocked != 0
	q.Ranges = flags&flagRanges != 0
	if q.Lock = lock.Mode(d.Byte()); q.Lock > lock.Exclusive || q.Lock == lock.Auto {
		d.Fail(wire.ErrCorrupt)
	}
	q.LockWait = readWait(d)
	q.Session = d.Uvarint()
	q.At = mvcc.Timestamp(d.Uvarint())
	q.MaxBytes = int(min(d.Uvarint(), maxPageBytes))
	q.From = d.Optional()
	if d.Err() != nil {
		return nil, d.Err()
	}
	var rest []byte
	var err error
	q.Read, rest, err = fragment.DecodeRead(d.Rest())
	d.SetRest(rest, err)
	if err == nil {
		q.Read.Report, q.Read.RowsOnly = flags&flagReport != 0, flags&flagRowsOnly != 0
		q.columnar = flags&flagColumnar != 0
	}
	return q, d.End()
}

// maxPageBytes bounds a page that goes over the network.
const maxPageBytes = 16 << 20

// appendPage answers a read.
func appendPage(dst []byte, q *ReadRequest, page *fragment.Page) []byte {
	dst = fragment.AppendPage(dst, page)
	if q.Read.Report {
		dst = fragment.AppendReport(dst, &page.Report)
		if q.columnar {
			dst = binary.AppendUvarint(dst, page.Columnar)
		}
	}
	return dst
}

// readPage reads the answer. One without a report is of a node that knows none.
func readPage(d *wire.Reader, page *fragment.Page) error {
	fragment.ReadPage(d, page)
	page.Clear()
	if d.Err() == nil && len(d.Rest()) > 0 {
		fragment.ReadReport(d, &page.Report)
		if d.Err() == nil && len(d.Rest()) > 0 {
			page.Columnar = d.Uvarint()
		}
	}
	return d.End()
}

func appendWriteRequest(dst []byte, q *WriteRequest, v version.Version) ([]byte, error) {
	dst = appendTarget(dst, q.Shard, q.Txn)
	dst = append(dst, flag(q.Join, flagJoin)|flag(q.Buffer, flagBuffer))
	dst = binary.AppendUvarint(dst, q.Seq)
	dst = binary.AppendUvarint(dst, q.Session)
	dst = appendWait(dst, q.LockWait)
	dst = binary.AppendUvarint(dst, uint64(len(q.Writes)))
	var err error
	for _, w := range q.Writes {
		if dst, err = fragment.AppendWrite(dst, w, v); err != nil {
			return nil, err
		}
	}
	return appendFirst(dst, q.First), nil
}

// decodeWriteRequest reads a request; it aliases src.
func decodeWriteRequest(src []byte) (*WriteRequest, error) {
	d := wire.NewReader(src)
	q := &WriteRequest{}
	q.Shard, q.Txn = readTarget(d)
	flags := d.Byte()
	q.Join, q.Buffer = flags&flagJoin != 0, flags&flagBuffer != 0
	q.Seq, q.Session = d.Uvarint(), d.Uvarint()
	q.LockWait = readWait(d)
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		w, rest, err := fragment.DecodeWrite(d.Rest())
		d.SetRest(rest, err)
		q.Writes = append(q.Writes, w)
	}
	if q.First = readFirst(d); q.First != 0 {
		q.Vouched = version.V2 // those of a cluster of version 1 send none
	}
	return q, d.End()
}

func appendWriteReply(dst []byte, r *WriteReply) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.TS))
	dst = binary.AppendUvarint(dst, r.Mark)
	dst = binary.AppendUvarint(dst, uint64(len(r.Results)))
	for i := range r.Results {
		dst = fragment.AppendWriteResult(dst, &r.Results[i])
	}
	for i := range r.Results { // only who asks for images gets any, and knows that they are here
		if images := r.Results[i].Images; images != nil {
			dst = fragment.AppendImages(binary.AppendUvarint(dst, uint64(i)), images)
		}
	}
	return dst
}

func readWriteReply(d *wire.Reader) *WriteReply {
	r := &WriteReply{TS: mvcc.Timestamp(d.Uvarint()), Mark: d.Uvarint()}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		r.Results = append(r.Results, fragment.ReadWriteResult(d))
	}
	for d.Err() == nil && len(d.Rest()) > 0 {
		i, images := d.Uvarint(), fragment.ReadImages(d)
		if i >= uint64(len(r.Results)) {
			d.Fail(wire.ErrCorrupt)
			break
		}
		r.Results[i].Images = images
	}
	return r
}

func appendTxnIDs(dst []byte, ids []fragment.TxnID) []byte {
	for i := range ids {
		dst = append(dst, ids[i][:]...)
	}
	return dst
}

func readTxnIDs(d *wire.Reader) (ids []fragment.TxnID) {
	const size = len(fragment.TxnID{})
	for len(d.Rest()) >= size {
		ids = append(ids, fragment.TxnID(d.Take(uint64(size))))
	}
	return ids
}

// How a call ended: the first byte of a response. Numbers are part of the protocol between nodes.
const (
	replyOK             = 0
	replyMySQL          = 1 // a *mysqlerr.Error
	replyNotLeaseholder = 2
	replySchemaChanged  = 3
	replyNoTablet       = 4
	replyTooOld         = 5
	replyUnknown        = 6 // the outcome is unknown
	replyFailed         = 7 // anything else, as text
	replyForgotten      = 8
)

// appendReply turns an error into a response; nil leaves room for the caller's result.
func appendReply(dst []byte, err error) []byte {
	var nl *NotLeaseholder
	var my *mysqlerr.Error
	switch {
	case err == nil:
		return append(dst, replyOK)
	case errors.As(err, &my):
		return fragment.AppendError(append(dst, replyMySQL), my)
	case errors.As(err, &nl):
		dst = append(dst, replyNotLeaseholder)
		for _, n := range [...]uint64{uint64(nl.Shard), uint64(nl.Holder), nl.Epoch} {
			dst = binary.AppendUvarint(dst, n)
		}
		return wire.AppendBool(dst, nl.Doubtful)
	case errors.Is(err, ErrForgotten):
		return wire.AppendBool(append(dst, replyForgotten), OutcomeUnknown(err))
	case errors.Is(err, shard.ErrSchemaChanged):
		return append(dst, replySchemaChanged)
	case errors.Is(err, shard.ErrNoTablet):
		return append(dst, replyNoTablet)
	case errors.Is(err, shard.ErrTooOld):
		return append(dst, replyTooOld)
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.AppendString(append(dst, replyUnknown), err.Error())
	}
	return wire.AppendString(append(dst, replyFailed), err.Error())
}

// RemoteFailure is an error of a leaseholder that has no type of its own: the request failed and changed nothing.
type RemoteFailure struct{ Message string }

func (e *RemoteFailure) Error() string { return e.Message }

// readReply gives the error of a response, or leaves d at the result.
func readReply(d *wire.Reader) error {
	switch code := d.Byte(); {
	case d.Err() != nil:
		return d.Err()
	case code == replyOK:
		return nil
	case code == replyMySQL:
		if e := fragment.ReadError(d); e != nil && d.Err() == nil {
			return e
		}
		return wire.ErrCorrupt
	case code == replyNotLeaseholder:
		e := &NotLeaseholder{Shard: schema.ShardID(d.Uvarint()), Holder: schema.NodeID(d.Uvarint()), Epoch: d.Uvarint()}
		e.Doubtful = len(d.Rest()) > 0 && d.Bool() // earlier versions do not say
		if d.Err() != nil {
			return d.Err()
		}
		return e
	case code == replyForgotten:
		if d.Bool() {
			return errors.Join(ErrForgotten, ErrUnknown)
		}
		return ErrForgotten
	case code == replySchemaChanged:
		return shard.ErrSchemaChanged
	case code == replyNoTablet:
		return shard.ErrNoTablet
	case code == replyTooOld:
		return shard.ErrTooOld
	case code == replyUnknown:
		return errors.Join(ErrUnknown, errors.New(d.String()))
	default:
		return &RemoteFailure{d.String()}
	}
}
