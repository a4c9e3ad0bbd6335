package shard

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/limits"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// A log entry:
//
//	entry      version kind payload
//	batch      id proposer epoch closed count proposal…             version 1: proposal is kind txn ts body
//	           id proposer epoch closed count (length proposal)…    version 2: proposal is kind txn ts needs first extensions body
//	extensions length (tag length bytes)…
//	body       writes effects participants, and what the kind has
//
// Version 2 exists for batches only. Since its proposals have a length, one that cannot be decoded is that proposal's
// failure and no other's. needs is the cluster's version when the proposal was made; extensions are room for later ones.
//
// A replica stops at a version, a kind of command or a proposal's needs that it does not know: skipping it would make it
// differ from those that do. Everything else is known where these are; what can't be read then is damage, and has a result.
const commandVersion = 1

// Format is the version of a batch.
type Format byte

// The formats of batches.
const (
	FormatPlain   Format = 1
	FormatLengths Format = 2
)

// FormatOf is the format that replicas of version v read.
func FormatOf(v version.Version) Format {
	if v >= version.V2 {
		return FormatLengths
	}
	return FormatPlain
}

// EncodeBatch appends a batch of proposals as a log entry for replicas of version v.
func EncodeBatch(dst []byte, b *Batch, v version.Version) ([]byte, error) {
	b.Format = FormatOf(v)
	dst = appendBatchHeader(dst, b, len(b.Proposals))
	var encoded []byte
	for i := range b.Proposals {
		p := &b.Proposals[i]
		var err error
		if encoded, err = AppendProposal(encoded[:0], p, v); err != nil {
			return nil, err
		}
		dst = b.appendStamped(dst, encoded, p.TS, p.First)
	}
	return dst, nil
}

func appendBatchHeader(dst []byte, b *Batch, proposals int) []byte {
	dst = append(dst, byte(b.Format), byte(CommandBatch))
	for _, n := range [...]uint64{b.ID, uint64(b.Proposer), b.Epoch, uint64(b.Closed), uint64(proposals)} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// Stamped is a proposal that was encoded (AppendProposal) before its timestamps were known.
type Stamped struct {
	Proposal []byte
	First    mvcc.Timestamp
}

// EncodeStamped is EncodeBatch in b.Format, for proposals that were encoded before: all get ts. b.Proposals is not used.
func EncodeStamped(dst []byte, b *Batch, encoded []Stamped, ts mvcc.Timestamp) []byte {
	dst = appendBatchHeader(dst, b, len(encoded))
	for _, e := range encoded {
		dst = b.appendStamped(dst, e.Proposal, ts, e.First)
	}
	return dst
}

// Where a proposal's timestamps stand. Encoded ahead of them, they are 0 and take one byte, as the version between them does.
const (
	tsOffset    = 1 + len(fragment.TxnID{})
	firstOffset = tsOffset + 2
)

// StampBytes is what EncodeStamped adds to an encoded proposal at most.
const StampBytes = 3 * binary.MaxVarintLen64

// appendStamped appends what AppendProposal made, with its timestamps and in b's format.
func (b *Batch) appendStamped(dst, e []byte, ts, first mvcc.Timestamp) []byte {
	if b.Format == FormatPlain {
		dst = append(dst, e[:tsOffset]...)
		dst = binary.AppendUvarint(dst, uint64(ts))
		return append(dst, bodyOf(e[tsOffset+1:])...)
	}
	var stamps [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(stamps[:], uint64(ts))
	n += binary.PutUvarint(stamps[n:], uint64(first))
	dst = binary.AppendUvarint(dst, uint64(len(e)-2+n))
	dst = append(dst, e[:tsOffset]...)
	dst = binary.AppendUvarint(dst, uint64(ts))
	dst = append(dst, e[tsOffset+1:firstOffset]...)
	dst = binary.AppendUvarint(dst, uint64(first))
	return append(dst, e[firstOffset+1:]...)
}

// bodyOf skips what FormatPlain does not have.
func bodyOf(rest []byte) []byte {
	d := wire.NewReader(rest)
	d.Uvarint()
	d.Uvarint()
	d.Bytes()
	return d.Rest()
}

// AppendProposal appends one proposal for EncodeStamped, which knows its timestamps, and for replicas of version v; what
// they don't know is refused with a *version.TooNew.
func AppendProposal(dst []byte, p *Proposal, v version.Version) ([]byte, error) {
	if err := version.Check(p.Kind.Since(), v, "a proposal of this kind"); err != nil {
		return nil, err
	}
	dst = append(dst, byte(p.Kind))
	dst = append(dst, p.Txn[:]...)
	// Its timestamp, the version that it needs, its First, and no extensions yet.
	dst = append(dst, 0, byte(v.Or1()), 0, 0) // versions have less than eight bits
	return appendBody(dst, p, v)
}

func appendBody(dst []byte, p *Proposal, v version.Version) ([]byte, error) {
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
	//exhaustive:enforce
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
	case ProposalCommit, ProposalAbort:
	}
	return dst, nil
}

// readBatch reads a batch. Of FormatLengths the proposals' bodies are left to Proposal.decode, one by one.
func readBatch(d *wire.Reader, f Format) (*Batch, error) {
	b := &Batch{
		Format: f, ID: d.Uvarint(), Proposer: schema.NodeID(d.Uvarint()), Epoch: d.Uvarint(), Closed: mvcc.Timestamp(d.Uvarint()),
	}
	n := d.Count()
	if f != FormatPlain && n > limits.EntryProposals {
		d.Fail(wire.ErrCorrupt)
	}
	b.Proposals = make([]Proposal, 0, min(n, 1024))
	var last lastWrite
	for i := 0; i < n && d.Err() == nil; i++ {
		b.Proposals = append(b.Proposals, Proposal{})
		p := &b.Proposals[i]
		if f == FormatPlain {
			p.Kind, p.Txn, p.TS = ProposalKind(d.Byte()), readTxnID(d), mvcc.Timestamp(d.Uvarint())
			p.readBody(d, &last)
		} else if err := p.readHead(d.Bytes()); err != nil {
			return b, err
		}
	}
	return b, d.End()
}

// readHead reads what stands before a proposal's body. Its error is about what only a later version knows; what else is
// wrong is left to decode.
func (p *Proposal) readHead(encoded []byte) error {
	if len(encoded) > limits.ProposalBytes {
		p.damage = wire.ErrCorrupt
		return nil
	}
	d := wire.NewReader(encoded)
	kind, txn, ts, needs := ProposalKind(d.Byte()), readTxnID(d), mvcc.Timestamp(d.Uvarint()), d.Uvarint()
	if d.Err() == nil && needs > uint64(version.Max) {
		return fmt.Errorf("shard: a proposal made at cluster version %d is %w", needs, wire.ErrUnknown)
	}
	first, extensions := mvcc.Timestamp(d.Uvarint()), d.Bytes()
	if p.damage = d.Err(); p.damage == nil && len(extensions) > 0 { // no version up to Max has any
		p.damage = wire.ErrCorrupt
	}
	if p.damage == nil {
		p.Kind, p.Txn, p.TS, p.First, p.body = kind, txn, ts, first, d.Rest()
	}
	return nil
}

// decode reads the body that readHead has left.
func (p *Proposal) decode(last *lastWrite) error {
	if p.damage == nil && p.body != nil {
		d := wire.NewReader(p.body)
		p.readBody(d, last)
		if p.body, p.damage = nil, d.End(); p.damage == nil {
			p.damage = p.checkSize()
		}
	}
	return p.damage
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

func (p *Proposal) readBody(d *wire.Reader, last *lastWrite) {
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
	//exhaustive:enforce
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
	case ProposalCommit, ProposalAbort:
	}
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

// Decode takes a log entry apart: the command is a *Batch, *LeaseCommand, *TabletCommand, *WatermarkCommand,
// *SystemCommand or *MoveCommand, and aliases cmd. Error wire.ErrUnknown: only a later version of the program knows what it is.
func Decode(cmd []byte) (CommandKind, any, error) {
	kind, c, err := decodeCommand(cmd)
	if b, ok := c.(*Batch); ok && err == nil {
		var last lastWrite
		for i := range b.Proposals {
			if err := b.Proposals[i].decode(&last); err != nil {
				return kind, b, err
			}
		}
	}
	return kind, c, err
}

// decodeCommand is Decode without the bodies of a batch's proposals. kind is known if the error is not ErrUnknown.
func decodeCommand(cmd []byte) (CommandKind, any, error) {
	if len(cmd) < 2 {
		return 0, nil, wire.ErrCorrupt
	}
	if len(cmd) > limits.EntryBytes {
		return 0, nil, fmt.Errorf("%w: a log entry of %d bytes", wire.ErrCorrupt, len(cmd))
	}
	format, kind, d := Format(cmd[0]), CommandKind(cmd[1]), wire.NewReader(cmd[2:])
	if format != commandVersion && (format != FormatLengths || kind != CommandBatch) {
		return 0, nil, fmt.Errorf("shard: a log entry's format version %d is %w", format, wire.ErrUnknown)
	}
	var c any
	switch kind {
	case CommandBatch:
		b, err := readBatch(d, format)
		return kind, b, err
	case CommandLease:
		c = readLease(d)
	case CommandTablet:
		c = readTablet(d)
	case CommandWatermark:
		c = &WatermarkCommand{Watermark: mvcc.Timestamp(d.Uvarint()), Closed: mvcc.Timestamp(d.Uvarint())}
	case CommandSystem:
		c = readSystem(d)
	case CommandMove:
		c = readMove(d)
	default:
		return 0, nil, fmt.Errorf("shard: a log entry's kind %d is %w", kind, wire.ErrUnknown)
	}
	return kind, c, d.End()
}
