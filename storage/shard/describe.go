package shard

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/wire"
)

// EntryText is a log entry for people: `cloudsql debug log`.
type EntryText struct {
	Kind      string         `json:"kind"`
	Format    int            `json:"format,omitempty"`
	Bytes     int            `json:"bytes"`
	Checksum  string         `json:"checksum,omitempty"`
	Damage    string         `json:"damage,omitempty"`  // why it cannot be decoded
	Unknown   bool           `json:"unknown,omitempty"` // a replica stops: only a later program knows what it is
	Detail    string         `json:"detail,omitempty"`
	Proposals []ProposalText `json:"proposals,omitempty"`
}

// ProposalText is a transaction's part in an entry.
type ProposalText struct {
	Kind   string   `json:"kind"`
	Txn    string   `json:"txn,omitempty"` // the id under which it is repeated
	TS     string   `json:"ts,omitempty"`
	Bytes  int      `json:"bytes,omitempty"` // of its body
	Damage string   `json:"damage,omitempty"`
	Parts  []string `json:"parts,omitempty"` // what it does, one line each
}

// How much is shown of what may be long.
const (
	shownParts = 20
	shownKeys  = 8
	shownValue = 64
)

var commandNames = map[CommandKind]string{
	CommandBatch: "batch", CommandLease: "lease", CommandTablet: "tablet", CommandWatermark: "watermark", CommandSystem: "system",
	CommandMove: "move",
}

var moveNames = map[MoveOp]string{
	MoveTrack: "track", MoveUntrack: "untrack", MoveFreeze: "freeze", MoveLeave: "leave", MoveReceive: "receive", MoveIngest: "ingest",
	MoveOpen: "open", MoveSettle: "settle", MoveCount: "count",
}

var proposalNames = map[ProposalKind]string{
	ProposalCommit: "commit", ProposalPrepare: "prepare", ProposalResolve: "resolve", ProposalAbort: "abort", ProposalForget: "forget",
	ProposalStage: "stage",
}

var writeNames = map[fragment.Kind]string{
	fragment.Insert: "insert", fragment.InsertIgnore: "insert ignore", fragment.Replace: "replace",
	fragment.InsertOrUpdate: "insert or update", fragment.Update: "update", fragment.Delete: "delete", fragment.Put: "put",
	fragment.Reindex: "reindex", fragment.UpdateSequence: "update sequence",
}

var effectNames = map[fragment.EffectOp]string{
	fragment.EffectPut: "put", fragment.EffectDelete: "delete", fragment.EffectCheck: "check",
}

// name is a number's name, or the number.
func name[K ~uint8](names map[K]string, k K) string {
	if n, ok := names[k]; ok {
		return n
	}
	return fmt.Sprintf("unknown (%d)", k)
}

// Describer tells what is in log entries. Tables and keys are named by the descriptors that the shard has, or that the log
// brought since.
type Describer struct {
	tables map[schema.TabletID]*schema.Table
}

// NewDescriber is for the log of a shard.
func NewDescriber(s *Shard) *Describer {
	d := &Describer{tables: map[schema.TabletID]*schema.Table{}}
	for _, id := range s.Tablets() {
		d.tables[id], _ = s.Table(id)
	}
	return d
}

// Follow takes notice of an entry that is not to be described.
func (d *Describer) Follow(cmd []byte) {
	if len(cmd) > 1 && CommandKind(cmd[1]) == CommandTablet {
		d.Describe(cmd)
	}
}

// Describe tells what is in an entry. It takes any bytes.
func (d *Describer) Describe(cmd []byte) EntryText {
	x := EntryText{Bytes: len(cmd)}
	if len(cmd) == 0 {
		x.Kind = "empty"
		return x
	}
	x.Checksum = fmt.Sprintf("%016x", Checksum(cmd))
	x.Kind, x.Format = "unknown", int(cmd[0])
	if len(cmd) > 1 {
		x.Kind = name(commandNames, CommandKind(cmd[1]))
	}
	var c any
	err := protected(func() (err error) {
		_, c, err = decodeCommand(cmd)
		return err
	})
	if err != nil {
		x.Damage, x.Unknown = err.Error(), errors.Is(err, wire.ErrUnknown)
	}
	switch c := c.(type) {
	case *Batch:
		if c != nil {
			d.describeBatch(&x, c)
		}
	case *LeaseCommand:
		x.Detail = fmt.Sprintf("epoch %d→%d, holder n%d, serial %d, %v", c.Prev, c.Epoch, c.Holder, c.Serial, c.Duration)
	case *TabletCommand:
		x.Detail = fmt.Sprintf("tablet %d is dropped", c.Tablet)
		if c.Table != nil {
			d.tables[c.Tablet] = c.Table
			x.Detail = fmt.Sprintf("tablet %d is of table %d (%s), version %d", c.Tablet, c.Table.ID, c.Table.Name, c.Table.Version)
		}
	case *WatermarkCommand:
		x.Detail = fmt.Sprintf("watermark %s, closed %s", c.Watermark, c.Closed)
	case *SystemCommand:
		x.Detail = describeSystem(c)
	case *MoveCommand:
		x.Detail = fmt.Sprintf("%s tablet %d, attempt %d, epoch %d, %d bytes of versions", name(moveNames, c.Op), c.Tablet, c.Attempt,
			c.Epoch, len(c.Versions))
	}
	return x
}

func describeSystem(c *SystemCommand) string {
	var names []string
	for i, set := range c.Sets {
		if i == shownKeys {
			names = append(names, "…")
			break
		}
		if set.Value == nil {
			names = append(names, "-"+set.Key)
		} else {
			names = append(names, set.Key)
		}
	}
	return fmt.Sprintf("id %x, %d expectations, %d records: %s", c.ID, len(c.Expect), len(c.Sets), strings.Join(names, " "))
}

func (d *Describer) describeBatch(x *EntryText, b *Batch) {
	x.Detail = fmt.Sprintf("id %x, proposer n%d, epoch %d, closed %s, %d proposals", b.ID, b.Proposer, b.Epoch, b.Closed, len(b.Proposals))
	for i := range b.Proposals {
		x.Proposals = append(x.Proposals, d.describeProposal(&b.Proposals[i]))
	}
}

func (d *Describer) describeProposal(p *Proposal) ProposalText {
	x := ProposalText{Bytes: len(p.body)}
	err := protected(func() error {
		var none lastWrite
		return p.decode(&none)
	})
	if err != nil {
		x.Damage = err.Error()
	}
	if x.Kind = name(proposalNames, p.Kind); p.Kind == 0 {
		return x // even what stands before the body is no good
	}
	x.Txn, x.TS = hex.EncodeToString(p.Txn[:]), p.TS.String()
	if err := protected(func() error { d.describeParts(&x, p); return nil }); err != nil && x.Damage == "" {
		x.Damage = err.Error()
	}
	return x
}

func (d *Describer) describeParts(x *ProposalText, p *Proposal) {
	add := func(format string, args ...any) {
		switch {
		case len(x.Parts) < shownParts:
			x.Parts = append(x.Parts, fmt.Sprintf(format, args...))
		case len(x.Parts) == shownParts:
			x.Parts = append(x.Parts, "…")
		}
	}
	for _, w := range p.Writes {
		add("%s", d.describeWrite(w))
	}
	for i := range p.Effects {
		e := &p.Effects[i]
		add("%s %s %s, %d bytes, seen at %s", name(effectNames, e.Op), d.tableName(e.Tablet), d.keyText(e.Tablet, e.Key), len(e.Row), e.Expect)
	}
	switch p.Kind {
	case ProposalPrepare, ProposalStage:
		add("piece %d, shards %v, %d ranges", p.Piece, p.Participants, len(p.Ranges))
	case ProposalResolve:
		add("at %s", p.CommitTS)
	case ProposalForget:
		for i := range p.Forget {
			add("forget %x", p.Forget[i][:])
		}
	}
}

func (d *Describer) describeWrite(w *fragment.Write) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s version %d", name(writeNames, w.Kind), d.tableName(w.Tablet), w.SchemaVersion)
	if n := w.Rows.Len(); n > 0 {
		fmt.Fprintf(&out, ", %d rows", n)
	}
	if n := len(w.Set); n > 0 {
		fmt.Fprintf(&out, ", %d assignments", n)
	}
	if w.Where != nil {
		out.WriteString(", condition")
	}
	if n := len(w.Checks); n > 0 {
		fmt.Fprintf(&out, ", %d checks", n)
	}
	count := max(len(w.Keys), w.Rows.Len())
	for i := range min(count, shownKeys) {
		if i < len(w.Keys) {
			out.WriteString(" " + d.keyText(w.Tablet, w.Keys[i]))
		} else {
			out.WriteString(" " + d.rowText(w, i))
		}
	}
	if count > shownKeys {
		fmt.Fprintf(&out, " … of %d", count)
	}
	return out.String()
}

// rowText is a row's primary key.
func (d *Describer) rowText(w *fragment.Write, row int) string {
	t, ok := d.tables[w.Tablet]
	if !ok {
		return ""
	}
	var out []string
	for i := range t.Primary().Columns {
		c := &t.Columns[t.Primary().Columns[i].Column]
		if at := slices.Index(w.Columns, c.ID); at >= 0 {
			out = append(out, valueText(w.Rows.Row(row)[at], &c.Type))
		} else {
			out = append(out, "default")
		}
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func valueText(v types.Value, t *types.Type) string {
	return cut(strings.ToValidUTF8(string(v.AppendText(nil, t)), "?"))
}

func (d *Describer) tableName(id schema.TabletID) string {
	if t, ok := d.tables[id]; ok {
		return fmt.Sprintf("%s (tablet %d)", t.Name, id)
	}
	return fmt.Sprintf("tablet %d", id)
}

// keyText is a primary key as values, or as bytes where the key does not tell them.
func (d *Describer) keyText(id schema.TabletID, key []byte) string {
	t, ok := d.tables[id]
	if !ok {
		return cut(hex.EncodeToString(key))
	}
	values, rest, err := keys.DecodeColumns(nil, t, t.Primary(), key)
	if err != nil || len(rest) > 0 {
		return cut(hex.EncodeToString(key))
	}
	out := make([]string, len(values))
	for i := range values {
		if values[i].IsNull() { // a sort key does not tell its text
			return cut(hex.EncodeToString(key))
		}
		typ := &t.Columns[t.Primary().Columns[i].Column].Type
		out[i] = valueText(values[i], typ)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func cut(s string) string {
	if len(s) > shownValue {
		return s[:shownValue] + "…"
	}
	return s
}
