package fragment

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Span is a range of encoded index keys (keys.AppendColumns without the tablet and index prefix): Start inclusive, End
// exclusive; nil is unbounded.
type Span struct{ Start, End []byte }

// Read is a read fragment: one pass over one index of one tablet and what is done to its rows before they leave the
// shard. The operators run in the order of the fields: source, filter, joins, project or aggregate, order, limit.
type Read struct {
	Tablet        schema.TabletID
	SchemaVersion uint64 // of the table, as planned

	// Source: the rows of Keys (point gets, in this order, missing ones skipped), or, when Keys is nil, the Spans of Index
	// in key order (rising, not overlapping; none: the whole index). Without Keys and Columns a row still counts.
	// Keys and Spans are in Index's encoding. A secondary index leads to its rows where Columns asks for more than it covers.
	Index   schema.IndexID
	Keys    [][]byte
	Spans   []Span
	Reverse bool

	Columns  []schema.ColumnID // the row that the source produces, in this order; TIMESTAMPs in Env's local time
	WithKeys bool              // also give each row's primary key (Page.Keys); needs no Agg, Order or Distinct

	Filter  expr.Expr      // over Columns; nil: all
	Joins   []*Join        // of the rows that pass, one after the other; they need Agg, and no lock
	Project []expr.Expr    // over Columns; nil: Columns as they are
	Agg     *Aggregate     // over Columns, or what the last join gives, instead of Project
	Order   []expr.SortKey // top-N over the projected row (Column indexes mean the output): needs Limit
	Limit   uint64         // 0: none; after Order
	Env     *expr.Env      // constants of the evaluation; Params are bound before shipping

	// Report asks for Page.Report: what the evaluation warns of, which Env.Warn is then not told. It travels beside the fragment.
	Report bool

	// RowsOnly: the tablet's columnar copy is not read. It travels beside the fragment, too.
	RowsOnly bool

	// Table is the table as it was planned with, by which a gateway finds the rows where their tablet has moved meanwhile; nil: it does not
	// look. Ordered: who reads counts on the index's order. They stay at the gateway.
	Table   *schema.Table
	Ordered bool
}

// Aggregate is a partial aggregation: the output row is the group values followed by each aggregate's partial values
// (expr.Agg.PartialTypes). Without GroupBy there is exactly one output row.
type Aggregate struct {
	GroupBy []expr.Expr
	Aggs    []*expr.Agg
}

// Tablets are those that r reads.
func (r *Read) Tablets() []schema.TabletID {
	ids := []schema.TabletID{r.Tablet}
	for _, j := range r.Joins {
		if j.Read != nil {
			ids = append(ids, j.Read.Tablet)
		}
	}
	return ids
}

// Each calls fn with r, and with the reads of the tablets that it joins, until one fails.
func (r *Read) Each(fn func(*Read) error) error {
	err := fn(r)
	for _, j := range r.Joins {
		if err == nil && j.Read != nil {
			err = fn(j.Read)
		}
	}
	return err
}

// Page is a part of a read's result.
type Page struct {
	Batch types.Batch
	Keys  [][]byte // with WithKeys: the encoded primary key of each row
	Next  []byte   // opaque position to go on from; nil: no more rows
	Report
}

// Report is what a page's part of a read met beside the rows that it gives.
type Report struct {
	Seen     uint64    // rows that were looked at
	Columnar uint64    // of those, in a columnar copy
	Warnings []Warning // the first of them
	More     uint64    // warnings beyond those
}

// maxReported bounds the warnings of a page: max_error_count's largest value, in as many bytes as leave room for the page's rows.
const (
	maxReported      = 65535
	maxReportedBytes = 1 << 20
)

// Warn adds a warning, or counts it where there are too many.
func (r *Report) Warn(code uint16, message string) {
	if n := len(r.Warnings); n >= maxReported || n > 0 && n*(len(message)+8) >= maxReportedBytes {
		r.More++
		return
	}
	r.Warnings = append(r.Warnings, Condition(code, message))
}

// Condition is what a types.Warner is told.
func Condition(code uint16, message string) Warning {
	if code&types.Note != 0 {
		return Warning{Level: "Note", Code: code &^ types.Note, Message: message}
	}
	return Warning{Level: "Warning", Code: code, Message: message}
}

// Tell tells it again.
func (w *Warning) Tell(warn types.Warner) {
	code := w.Code
	if w.Level == "Note" {
		code |= types.Note
	}
	warn(code, w.Message)
}

// Add takes in what another part of the read met after this one.
func (r *Report) Add(o *Report) {
	r.Seen += o.Seen
	r.More += o.More
	r.Warnings = append(r.Warnings, o.Warnings...)
}

// Each tells of all warnings in their order. Those that were only counted stand behind the others, as the last of these.
func (r *Report) Each(warn types.Warner) {
	for i := range r.Warnings {
		r.Warnings[i].Tell(warn)
	}
	if n := len(r.Warnings); n > 0 {
		for range r.More {
			r.Warnings[n-1].Tell(warn)
		}
	}
}

// Clear makes it empty. Its memory serves the next page, unless it is much.
func (r *Report) Clear() {
	if r.Seen, r.Columnar, r.More, r.Warnings = 0, 0, 0, r.Warnings[:0]; cap(r.Warnings) > 64 {
		r.Warnings = nil
	}
}

// Kind is a write fragment's operator.
type Kind uint8

// The operators. Numbers are part of the log format: never reuse one.
const (
	Insert         Kind = 1 // rows must be absent (1062)
	InsertIgnore   Kind = 2 // rows that are present are skipped, with a warning 1062
	Replace        Kind = 3 // rows in the way (on any unique key) are deleted first
	InsertOrUpdate Kind = 4 // a row in the way is updated by Set instead (ON DUPLICATE KEY UPDATE)
	Update         Kind = 5 // each key's row, if present and Where holds, is changed by Set
	Delete         Kind = 6 // each key's row, if present and Where holds, is removed
	// Put: each key's row becomes the given one, which a gateway computed under a lock. No program makes these any more; entries of
	// logs that have them are applied as ever.
	Put     Kind = 7
	Reindex Kind = 8 // each key's row gets its entries of the WriteOnly indexes (online index build; 1062)
	// UpdateSequence is Update that tells the value of the first assignment (WriteResult.LastUpdated, also beside Err): SET id =
	// LAST_INSERT_ID(id + 1).
	UpdateSequence Kind = 9
)

// Write is a write fragment on one tablet. It is evaluated in two places by the same code: at apply, in log order, for
// autocommit statements; and at the leaseholder under locks, into the transaction's workspace, for interactive ones.
type Write struct {
	Kind          Kind
	Tablet        schema.TabletID
	SchemaVersion uint64

	// Insert, InsertIgnore, Replace, InsertOrUpdate, Put: rows in storage form (conversion.Assign), laid out as Columns.
	// Columns not named get their Default constant.
	Columns []schema.ColumnID
	Rows    types.Batch
	// AutoInc: rows whose AUTO_INCREMENT column is NULL get the next value from the leaseholder before proposing.
	AutoInc bool
	// Generated are the rows (0-based, rising) whose value the leaseholder filled in (shard.API.FillAutoInc).
	Generated []uint32

	// Update, UpdateSequence, Delete, Put: encoded primary keys; Put replaces the row of Keys[i] by Rows.Row(i) (the key may change: 1062 if taken).
	Keys  [][]byte
	Set   []Assignment
	Where expr.Expr // over the table's full row at SchemaVersion (positions of Table.Columns); nil: always
	Env   *expr.Env
	// Checks are conditions on the rows that Update, UpdateSequence and InsertOrUpdate change. (New rows were held to them at the gateway.)
	Checks []Check
	// Lenient: a row that a check is against, or whose new keys another row has, stays as it is, with a warning (IGNORE).
	Lenient bool
	// NullsPass: NULL that InsertOrUpdate assigns to a column without it is the implicit default there, with a warning, as what Update
	// assigns is where no strict mode holds.
	NullsPass bool

	FirstRow int // number of the first row in the statement (1-based), for messages
	// Numbers are those of the new rows in the statement, where warnings are to tell which row they are about (since V2). Only that there
	// are some travels, to whoever evaluates the fragment.
	Numbers []int

	// Report names columns whose values are wanted of each row that changes (WriteResult.Images), in a transaction.
	Report []schema.ColumnID
}

// Assignment sets a column to an expression over the old row (positions of Table.Columns); for InsertOrUpdate the new
// row follows it (VALUES(c) is position len(Columns)+i). Assignments see the effect of earlier ones, as in MySQL.
type Assignment struct {
	Column schema.ColumnID
	Expr   expr.Expr
	// OnlyIfChanged: made last, and only where the others changed the row (ON UPDATE CURRENT_TIMESTAMP).
	OnlyIfChanged bool
}

// Check refuses a row (3819) where Expr, over the table's full row after the change, is false. NULL is no refusal.
type Check struct {
	Name string
	Expr expr.Expr
}

// Warning is a condition that did not fail the statement.
type Warning struct {
	Level   string // "Warning", "Note", "Error"
	Code    uint16
	Message string
	Row     int // of a write with Numbers: which of its rows it is about (1-based); 0: none
}

// WriteResult is what a write did. Err is set when it failed as a whole and changed nothing.
type WriteResult struct {
	Matched      uint64 // rows found (UPDATE's "Rows matched")
	Changed      uint64 // rows whose data differs afterwards; rows inserted; rows deleted
	Affected     uint64 // MySQL's affected rows: REPLACE counts deletes too, ON DUPLICATE KEY UPDATE counts 2 for a change
	Duplicates   uint64 // rows skipped or replaced
	FirstAutoInc uint64 // first generated AUTO_INCREMENT value, 0 if none
	LastUpdated  uint64 // AUTO_INCREMENT value of the last row that ON DUPLICATE KEY UPDATE changed, or what UpdateSequence tells (for LAST_INSERT_ID)
	Warnings     []Warning
	Err          *mysqlerr.Error
	Images       *Images // of a write with a Report
}

// Images are the rows that a write changed, in the order in which it did. They are not logged.
type Images struct {
	Kinds []ImageKind
	// Rows has, for each of Kinds, the reported columns as they were and behind them as they are, in storage form; what a row that
	// came or went has not is NULL.
	Rows types.Batch
}

// ImageKind is what became of a row. The numbers travel between nodes.
type ImageKind byte

// The kinds.
const (
	RowCame    ImageKind = 1
	RowChanged ImageKind = 2
	RowWent    ImageKind = 3
)

// TxnID names a transaction in the cluster: gateway node, its start (so that a restarted node differs), a counter.
type TxnID [16]byte

// Effect is one row's change as a transaction's commit carries it: resolved, with the version that was seen.
type Effect struct {
	Tablet schema.TabletID
	Key    []byte         // encoded primary key
	Expect mvcc.Timestamp // version seen; 0: the row was absent
	Op     EffectOp
	Row    []byte // encoded row (package row); nil unless EffectPut
}

// EffectOp is what an Effect does.
type EffectOp uint8

// The effects. Numbers are part of the log format.
const (
	EffectPut    EffectOp = 1
	EffectDelete EffectOp = 2
	EffectCheck  EffectOp = 3 // the row was locked and must be unchanged
)
