package shard

import (
	"bytes"
	"sync/atomic"

	"cloudsql/storage/fragment"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"

	"github.com/cespare/xxhash/v2"
)

// A leaseholder decodes what it is about to propose, so that what cannot be decoded is the statement's own error and never
// gets into the log. Apply would decode the same bytes again a moment later; instead it takes what the check has left here.

// checkedBodies are the decoded bodies of proposals that are on their way, by a hash of their bytes. A body that
// displaced another, or that nobody has left, is decoded by apply: it makes no difference but in time.
type checkedBodies struct {
	used  atomic.Bool // by this replica, ever
	slots [1024]atomic.Pointer[checkedBody]
}

// checkedBody is immutable. Its writes alias body, which is nobody else's.
type checkedBody struct {
	kind   ProposalKind
	body   []byte
	writes []*fragment.Write
	small  [128]byte // body, where it fits
}

// maxCheckedBody bounds a body that is kept.
const maxCheckedBody = 4 << 10

// bucket is how many slots a body may be in: those of a line of the processor's cache.
const bucket = 8

// places are the slots that a body may be in, and the one that it has if all are taken. A thousand clients' bodies rarely displace
// each other.
func (c *checkedBodies) places(body []byte) (slots []atomic.Pointer[checkedBody], own int) {
	h := xxhash.Sum64(body)
	first := int(h % uint64(len(c.slots)) / bucket * bucket)    // a small number
	return c.slots[first : first+bucket], int(h >> 32 % bucket) // likewise
}

func (b *checkedBody) is(p *Proposal) bool {
	return b != nil && b.kind == p.Kind && bytes.Equal(b.body, p.body)
}

// take gives and forgets p's decoded writes.
func (c *checkedBodies) take(p *Proposal) (writes []*fragment.Write, ok bool) {
	if !c.used.Load() || len(p.body) > maxCheckedBody {
		return nil, false
	}
	slots, _ := c.places(p.body)
	for i := range slots {
		if b := slots[i].Load(); b.is(p) {
			slots[i].CompareAndSwap(b, nil)
			return b.writes, true
		}
	}
	return nil, false
}

// CheckProposal tells whether replicas can execute a proposal (see AppendProposal): with the decoder and the limits of
// apply. The error is for the client. encoded is not kept.
func (s *Shard) CheckProposal(encoded []byte) *mysqlerr.Error {
	if err := protected(func() error { return s.checked.check(encoded) }); err != nil {
		return statementError(err)
	}
	return nil
}

func (c *checkedBodies) check(encoded []byte) error {
	var p Proposal
	if err := p.readHead(encoded); err != nil {
		return err
	}
	if p.Kind != ProposalCommit || len(p.body) > maxCheckedBody {
		var none lastWrite
		return p.decode(&none)
	}
	slots, _ := c.places(p.body)
	for i := range slots {
		if slots[i].Load().is(&p) {
			return nil
		}
	}
	b := &checkedBody{kind: p.Kind}
	b.body = append(b.small[:0], p.body...)
	p.body = b.body
	var none lastWrite
	if err := p.decode(&none); err != nil {
		return err
	}
	if len(p.Writes) > 0 && len(p.Effects) == 0 && len(p.Participants) == 0 {
		b.writes = p.Writes
		c.leave(b)
		c.used.Store(true)
	}
	return nil
}

// leave puts b where it finds room, or in the place of another.
func (c *checkedBodies) leave(b *checkedBody) {
	slots, own := c.places(b.body)
	for i := range slots {
		if slots[i].CompareAndSwap(nil, b) {
			return
		}
	}
	slots[own].Store(b)
}

// checkSize holds a decoded proposal to the limits.
func (p *Proposal) checkSize() error {
	rows := 0
	for _, w := range p.Writes {
		rows += w.Rows.Len() + len(w.Keys)
	}
	if rows > limits.ProposalRows || len(p.Effects) > limits.ProposalEffects {
		return mysqlerr.Newf(mysqlerr.TransCacheFull, "A statement or transaction of more than %d rows in a shard needs smaller steps", limits.ProposalRows)
	}
	return nil
}
