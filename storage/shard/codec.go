package shard

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// commandVersion begins every log entry. A replica that meets another one stops: skipping it would make it differ.
const commandVersion = 1

// EncodeBatch appends a batch of proposals as a log entry for replicas of version v.
func EncodeBatch(dst []byte, b *Batch, v version.Version) ([]byte, error) {
	dst = appendBatchHeader(dst, b, len(b.Proposals))
	var err error
	for i := range b.Proposals {
		if dst, err = AppendProposal(dst, &b.Proposals[i], v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendBatchHeader(dst []byte, b *Batch, proposals int) []byte {
	dst = append(dst, commandVersion, byte(CommandBatch))
	for _, n := range [...]uint64{b.ID, uint64(b.Proposer), b.Epoch, uint64(b.Closed), uint64(proposals)} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// EncodeStamped is EncodeBatch for proposals that were encoded (AppendProposal) before their timestamps were known,
// with TS 0: all get ts. b.Proposals is not used.
func EncodeStamped(dst []byte, b *Batch, encoded [][]byte, ts mvcc.Timestamp) []byte {
	const tsOffset = 1 + len(fragment.TxnID{}) // after kind and transaction; 0 takes one byte
	dst = appendBatchHeader(dst, b, len(encoded))
	for _, e := range encoded {
		dst = append(dst, e[:tsOffset]...)
		dst = binary.AppendUvarint(dst, uint64(ts))
		dst = append(dst, e[tsOffset+1:]...)
	}
	return dst
}

// AppendProposal appends one proposal of a batch for replicas of version v; what they don't know is refused with a
// *version.TooNew.
func AppendProposal(dst []byte, p *Proposal, v version.Version) ([]byte, error) {
	if err := version.Check(p.Kind.Since(), v, "a proposal of this kind"); err != nil {
		return nil, err
	}
	dst = append(dst, byte(p.Kind))
	dst = append(dst, p.Txn[:]...)
	dst = binary.AppendUvarint(dst, uint64(p.TS))
	dst = binary.AppendUvarint(dst, uint64(len(p.Writes)))
	var err error
	for _, w := range p.Writes {
		if dst, err = fragment.AppendWrite(dst, w, v); err != nil {
			return nil, err
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Effects)))
	for i := range p.Effects {
		if err := version.Check(p.Effects[i].Op.Since(), v, "an effect of this kind"); err != nil {
			return nil, err
		}
		dst = fragment.AppendEffect(dst, &p.Effects[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Participants)))
	for _, s := range p.Participants {
		dst = binary.AppendUvarint(dst, uint64(s))
	}
	switch p.Kind {
	case ProposalPrepare, ProposalStage:
		dst = appendRanges(binary.AppendUvarint(dst, uint64(p.Piece)), p.Ranges)
	case ProposalResolve:
		dst = binary.AppendUvarint(dst, uint64(p.CommitTS))
	case ProposalForget:
		dst = binary.AppendUvarint(dst, uint64(len(p.Forget)))
		for i := range p.Forget {
			dst = append(dst, p.Forget[i][:]...)
		}
	}
	return dst, nil
}

func readBatch(d *wire.Reader) *Batch {
	b := &Batch{ID: d.Uvarint(), Proposer: schema.NodeID(d.Uvarint()), Epoch: d.Uvarint(), Closed: mvcc.Timestamp(d.Uvarint())}
	n := d.Count()
	b.Proposals = make([]Proposal, 0, min(n, 1024))
	var last lastWrite
	for i := 0; i < n && d.Err() == nil; i++ {
		b.Proposals = append(b.Proposals, readProposal(d, &last))
	}
	return b
}

// lastWrite spares a batch whose transactions all do the same the decoding of it. Fragments are not changed by those who
// run them.
type lastWrite struct {
	encoded []byte
	write   *fragment.Write
}

func (l *lastWrite) read(d *wire.Reader) *fragment.Write {
	src := d.Rest()
	if n := len(l.encoded); n > 0 && bytes.HasPrefix(src, l.encoded) {
		d.SetRest(src[n:], nil)
		return l.write
	}
	w, rest, err := fragment.DecodeWrite(src)
	d.SetRest(rest, err)
	if err == nil {
		l.encoded, l.write = src[:len(src)-len(rest)], w
	}
	return w
}

func readProposal(d *wire.Reader, last *lastWrite) (p Proposal) {
	p.Kind = ProposalKind(d.Byte())
	p.Txn = readTxnID(d)
	p.TS = mvcc.Timestamp(d.Uvarint())
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		p.Writes = append(p.Writes, last.read(d))
	}
	if n := d.Count(); n > 0 {
		p.Effects = make([]fragment.Effect, 0, min(n, 4096))
		for ; n > 0 && d.Err() == nil; n-- {
			p.Effects = append(p.Effects, fragment.ReadEffect(d))
		}
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		p.Participants = append(p.Participants, schema.ShardID(d.Uvarint()))
	}
	switch p.Kind {
	case ProposalPrepare, ProposalStage:
		if p.Piece = uint32(d.Uvarint()); p.Piece >= maxPieces {
			d.Fail(wire.ErrCorrupt)
		}
		p.Ranges = readRanges(d)
	case ProposalResolve:
		p.CommitTS = mvcc.Timestamp(d.Uvarint())
	case ProposalForget:
		for n := d.Count(); n > 0 && d.Err() == nil; n-- {
			p.Forget = append(p.Forget, readTxnID(d))
		}
	}
	return p
}

func appendRanges(dst []byte, ranges []Range) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ranges)))
	for i := range ranges {
		r := &ranges[i]
		dst = binary.AppendUvarint(dst, uint64(r.Tablet))
		dst = binary.AppendUvarint(dst, uint64(r.Index))
		dst = wire.AppendOptional(wire.AppendBytes(dst, r.Start), r.End)
	}
	return dst
}

func readRanges(d *wire.Reader) (ranges []Range) {
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		ranges = append(ranges, Range{
			Tablet: schema.TabletID(d.Uvarint()), Index: schema.IndexID(d.Uvarint()),
			Start: bytes.Clone(d.Bytes()), End: bytes.Clone(d.Optional()),
		})
	}
	return ranges
}

func readTxnID(d *wire.Reader) (id fragment.TxnID) {
	copy(id[:], d.Take(uint64(len(id))))
	return id
}

// EncodeLease appends a lease command as a log entry.
func EncodeLease(dst []byte, c *LeaseCommand) []byte {
	dst = append(dst, commandVersion, byte(CommandLease))
	for _, n := range [...]uint64{c.Prev, c.Epoch, uint64(c.Holder), uint64(c.Duration), c.Serial, c.Nonce} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func readLease(d *wire.Reader) *LeaseCommand {
	return &LeaseCommand{
		Prev: d.Uvarint(),
		Lease: Lease{
			Epoch: d.Uvarint(), Holder: schema.NodeID(d.Uvarint()), Duration: time.Duration(d.Uvarint()), Serial: d.Uvarint(),
		},
		Nonce: d.Uvarint(),
	}
}

// EncodeTablet appends a tablet command as a log entry. The descriptor travels as JSON: schema changes are rare, and
// JSON lets old replicas read what later versions add.
func EncodeTablet(dst []byte, c *TabletCommand) ([]byte, error) {
	dst = append(dst, commandVersion, byte(CommandTablet))
	dst = binary.AppendUvarint(dst, uint64(c.Tablet))
	var table []byte
	if c.Table != nil {
		var err error
		if table, err = json.Marshal(c.Table); err != nil {
			return nil, err
		}
	}
	return wire.AppendOptional(dst, table), nil
}

func readTablet(d *wire.Reader) *TabletCommand {
	c := &TabletCommand{Tablet: schema.TabletID(d.Uvarint())}
	if table := d.Optional(); table != nil {
		c.Table = &schema.Table{}
		if err := json.Unmarshal(table, c.Table); err != nil {
			d.Fail(fmt.Errorf("shard: a tablet's descriptor: %w", err))
		}
	}
	return c
}

// WatermarkCommand raises the garbage collection watermark and the closed timestamp.
type WatermarkCommand struct {
	Watermark, Closed mvcc.Timestamp
}

// EncodeWatermark appends a watermark command as a log entry.
func EncodeWatermark(dst []byte, c *WatermarkCommand) []byte {
	dst = append(dst, commandVersion, byte(CommandWatermark))
	dst = binary.AppendUvarint(dst, uint64(c.Watermark))
	return binary.AppendUvarint(dst, uint64(c.Closed))
}

// EncodeSystem appends a system command as a log entry.
func EncodeSystem(dst []byte, c *SystemCommand) []byte {
	dst = append(dst, commandVersion, byte(CommandSystem))
	dst = binary.AppendUvarint(dst, c.ID)
	dst = binary.AppendUvarint(dst, uint64(len(c.Expect)))
	for _, e := range c.Expect {
		dst = wire.AppendString(dst, e.Key)
		dst = binary.AppendUvarint(dst, e.Version)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Sets)))
	for _, s := range c.Sets {
		dst = wire.AppendString(dst, s.Key)
		dst = wire.AppendOptional(dst, s.Value)
	}
	return dst
}

func readSystem(d *wire.Reader) *SystemCommand {
	c := &SystemCommand{ID: d.Uvarint()}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		c.Expect = append(c.Expect, SystemExpect{Key: d.String(), Version: d.Uvarint()})
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		c.Sets = append(c.Sets, SystemSet{Key: d.String(), Value: d.Optional()})
	}
	return c
}

// Decode takes a log entry apart: the command is a *Batch, *LeaseCommand, *TabletCommand, *WatermarkCommand or
// *SystemCommand, and aliases cmd. An unknown version or kind is an error.
func Decode(cmd []byte) (CommandKind, any, error) {
	if len(cmd) < 2 {
		return 0, nil, wire.ErrCorrupt
	}
	if cmd[0] != commandVersion {
		return 0, nil, fmt.Errorf("shard: log entry of format version %d (this node knows %d)", cmd[0], commandVersion)
	}
	kind, d := CommandKind(cmd[1]), wire.NewReader(cmd[2:])
	var c any
	switch kind {
	case CommandBatch:
		c = readBatch(d)
	case CommandLease:
		c = readLease(d)
	case CommandTablet:
		c = readTablet(d)
	case CommandWatermark:
		c = &WatermarkCommand{Watermark: mvcc.Timestamp(d.Uvarint()), Closed: mvcc.Timestamp(d.Uvarint())}
	case CommandSystem:
		c = readSystem(d)
	default:
		return 0, nil, fmt.Errorf("shard: log entry of unknown kind %d", kind)
	}
	return kind, c, d.End()
}
