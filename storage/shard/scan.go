package shard

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// position is where a page ended, as Page.Next carries it.
//
//	version(1)=1  at(uvarint)  emitted(uvarint)  span(uvarint)  key(optional)
//	version(1)=2  likewise, and skip(uvarint)
type position struct {
	at      mvcc.Timestamp // that all pages are read at; 0: each at the newest (locking reads)
	emitted uint64         // rows of all pages so far, against Limit
	span    uint64         // ordinal of the span, in the order of the walk, or of the next of Keys
	after   []byte         // bare key within it that was the last one looked at; nil: none yet
	skip    uint64         // not 0: the page ended within the joins of that key's row, which had given so many rows
}

// Versions of a position.
const (
	positionVersion     = 1
	positionVersionSkip = 2
)

func (p *position) encode(dst []byte) []byte {
	version := byte(positionVersion)
	if p.skip > 0 {
		version = positionVersionSkip
	}
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(p.at))
	dst = binary.AppendUvarint(dst, p.emitted)
	dst = binary.AppendUvarint(dst, p.span)
	if dst = wire.AppendOptional(dst, p.after); p.skip > 0 {
		dst = binary.AppendUvarint(dst, p.skip)
	}
	return dst
}

func (p *position) decode(b []byte) error {
	*p = position{}
	if b == nil {
		return nil
	}
	d := wire.NewReader(b)
	v := d.Byte()
	if d.Err() == nil && v != positionVersion && v != positionVersionSkip {
		return fmt.Errorf("shard: page position of format version %d (this node knows %d)", v, positionVersionSkip)
	}
	p.at = mvcc.Timestamp(d.Uvarint())
	if p.emitted, p.span, p.after = d.Uvarint(), d.Uvarint(), d.Optional(); v == positionVersionSkip {
		p.skip = d.Uvarint()
	}
	return d.End()
}

// scan walks the fragment's spans and fills the page.
func (rd *reader) scan() (err error) {
	r := rd.r
	if r.Limit > 0 && r.Agg == nil && rd.pos.emitted >= r.Limit { // a group may have come several times
		return nil
	}
	rd.divideColumns()
	rd.startSinks()
	src := &rd.src
	src.s, src.tablet, src.table, src.index = rd.s, r.Tablet, rd.plan.layout.table, rd.plan.index
	src.at, src.reverse, src.ws = rd.at, r.Reverse && r.Keys == nil, rd.o.Workspace
	rd.columns = columnsFor(rd)
	defer func() { err = errors.Join(err, rd.joins.close(), src.close()) }()
	done := false
	for n := rd.spans(); rd.pos.span < n && !done; {
		if done, err = rd.span(rd.spanAt(rd.pos.span)); err != nil {
			return err
		}
		if !done {
			rd.pos.span++
			rd.pos.after = nil
		}
	}
	return rd.finishSinks()
}

func (rd *reader) startSinks() {
	r := rd.r
	if rd.single = rd.oneEach(); rd.single {
		rd.project = r.Agg.GroupBy
	} else if r.Agg != nil {
		rd.agg = newAggregation(r.Agg, &rd.arena, rd.account(), rd.groupsTogether())
	}
	if len(r.Order) > 0 {
		rd.top = newTopN(r.Order, int(r.Limit), rd.account())
	}
}

// finishSinks brings what the aggregation and the top-N hold into the page. A page that ends before the walk does
// carries partial groups, and the next page may bring the same groups again.
func (rd *reader) finishSinks() error {
	if rd.agg != nil {
		agg := rd.agg
		defer agg.hold.Close()
		rd.agg = nil
		if err := agg.flush(&rd.env, rd.pos.emitted == 0 && rd.page.Next == nil, rd.deliver); err != nil {
			return err
		}
	}
	if rd.top != nil {
		top := rd.top
		defer top.hold.Close()
		rd.top = nil
		return top.flush(func(out []types.Value) error { return rd.deliver(out, nil) })
	}
	return nil
}

// spans is the number of spans to walk.
func (rd *reader) spans() uint64 {
	switch {
	case rd.r.Keys != nil:
		return uint64(len(rd.r.Keys))
	case len(rd.r.Spans) == 0:
		return 1
	}
	return uint64(len(rd.r.Spans))
}

// spanAt is the i-th span of the walk. A key is a span too: in a secondary index it is the beginning of the entries'
// keys, which end in the primary key unless the index is unique.
func (rd *reader) spanAt(i uint64) fragment.Span {
	r := rd.r
	switch {
	case r.Keys != nil && r.Index == schema.PrimaryIndex:
		return fragment.Span{Start: r.Keys[i], End: mvcc.AppendVersion(append([]byte(nil), r.Keys[i]...), 0)}
	case r.Keys != nil:
		return fragment.Span{Start: r.Keys[i], End: keys.SpanSuccessor(r.Keys[i])}
	case len(r.Spans) == 0:
		return fragment.Span{}
	case r.Reverse:
		return r.Spans[uint64(len(r.Spans)-1)-i]
	}
	return r.Spans[i]
}

// span walks one span. done tells that the page is complete: page.Next is set if there may be more.
func (rd *reader) span(span fragment.Span) (done bool, err error) {
	if rd.o.Locker != nil && rd.o.Ranges {
		return rd.lockedSpan(span)
	}
	if rd.pos.skip > 0 && rd.pos.after != nil {
		span, rd.pos.after = again(span, rd.pos.after, rd.src.reverse), nil
	}
	if rd.columns != nil {
		return rd.columns.span(span)
	}
	return rd.walk(span)
}

// walk goes over the rest of a span.
func (rd *reader) walk(span fragment.Span) (done bool, err error) {
	src := &rd.src
	if err := rd.open(span, rd.pos.after); err != nil {
		return false, err
	}
	for {
		if err := rd.tick(); err != nil {
			return false, err
		}
		more, err := src.next()
		if err != nil || !more {
			return false, err
		}
		if rd.o.Ranges {
			rd.met.add(bare(src.key))
		}
		passed, err := rd.current(span)
		if err != nil {
			return false, err
		}
		if !passed {
			continue
		}
		if err := rd.emit(src.primary); err != nil {
			return false, err
		}
		if rd.complete() {
			return true, nil
		}
		if rd.single {
			return false, nil
		}
	}
}

// open goes to the rest of a span.
func (rd *reader) open(span fragment.Span, after []byte) error {
	fresh := !rd.src.open
	if err := rd.src.begin(span, after); err != nil || !fresh {
		return err
	}
	if err := rd.joins.open(); err != nil {
		return err
	}
	return rd.consistent()
}

// complete tells whether the page ends behind the current row, and then sets the page's Next.
func (rd *reader) complete() bool {
	return rd.ends(func() []byte { return bare(rd.src.key) })
}

// ends is complete of a row whose bare key is key().
func (rd *reader) ends(key func() []byte) bool {
	if rd.agg != nil {
		if rd.agg.enough(rd.r) {
			return true
		}
		if !rd.joins.ends() && !rd.agg.overflows() {
			return false
		}
	} else if rd.top != nil {
		return false
	} else {
		if rd.r.Limit > 0 && rd.pos.emitted >= rd.r.Limit {
			return true
		}
		if !rd.full() {
			return false
		}
	}
	if rd.pos.after = key(); rd.single {
		rd.pos.span++
		rd.pos.after = nil
	}
	rd.page.Next = rd.pos.encode(nil)
	return true
}

// current decodes the source's current row into rd.row and tells whether it is wanted; a locking read owns it then.
func (rd *reader) current(span fragment.Span) (passed bool, err error) {
	passed, ts, err := rd.look()
	if err != nil || rd.o.Locker == nil || !rd.locksRow(passed) {
		return passed, err
	}
	return rd.lockCurrent(span, passed, ts)
}

// look decodes the source's current row into rd.row, and tells whether it passes the filter and what version it is.
func (rd *reader) look() (passed bool, ts mvcc.Timestamp, err error) {
	src := &rd.src
	ts = src.ts
	switch {
	case rd.plan.index.ID == schema.PrimaryIndex:
		passed, err = rd.filterStored(src.value)
	case rd.covered():
		passed, err = rd.filterCovered()
	default:
		var stored []byte
		if stored, ts, err = src.lookup(); err == nil {
			passed, err = rd.filterStored(stored)
		}
	}
	return passed, ts, err
}

// filterCovered reads the columns out of the entry's key.
func (rd *reader) filterCovered() (_ bool, err error) {
	rd.place()
	if rd.out, err = rd.plan.uncover(rd.out[:0], rd.row, bare(rd.src.key), rd.src.primary, rd.loc); err != nil {
		return false, err
	}
	return rd.passes()
}
