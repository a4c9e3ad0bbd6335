package fragment

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// formatVersion begins every encoded Read and Write. A replica that meets another one refuses the fragment.
const formatVersion = 1

// Bits of the byte that tells which optional parts follow.
const (
	hasReverse  = 1 << iota
	hasWithKeys // Read
	hasFilter   // Read.Filter, Write.Where
	hasEnv
	hasAgg
	hasProject
	hasKeys
	hasAutoInc // Write

	hasGenerated = hasReverse  // Write
	hasChecks    = hasWithKeys // Write, since V2
	hasReport    = hasAgg      // Write, since V2

	hasJoins = hasAutoInc // Read, since V2
)

// AppendRead appends r's portable form for readers of version v; what they don't know is refused with a *version.TooNew.
// Its expressions must be Pure; parameters are written as constants of r.Env.
func AppendRead(dst []byte, r *Read, v version.Version) ([]byte, error) {
	flags := bit(r.Reverse, hasReverse) | bit(r.WithKeys, hasWithKeys) | bit(r.Filter != nil, hasFilter) |
		bit(r.Env != nil, hasEnv) | bit(r.Agg != nil, hasAgg) | bit(r.Project != nil, hasProject) | bit(r.Keys != nil, hasKeys) |
		bit(len(r.Joins) > 0, hasJoins)
	if err := checkFlags(flags, readFlagsV1, v); err != nil {
		return nil, err
	}
	dst = append(dst, formatVersion, flags)
	dst = binary.AppendUvarint(dst, uint64(r.Tablet))
	dst = binary.AppendUvarint(dst, r.SchemaVersion)
	dst = binary.AppendUvarint(dst, uint64(r.Index))
	dst = binary.AppendUvarint(dst, r.Limit)
	dst = appendColumnIDs(dst, r.Columns)
	if r.Keys != nil {
		dst = appendKeys(dst, r.Keys)
	} else {
		dst = appendSpans(dst, r.Spans)
	}
	if r.Env != nil {
		dst = expr.EncodeEnv(dst, r.Env, true, v)
	}
	var err error
	if r.Filter != nil {
		if dst, err = expr.Encode(dst, r.Filter, r.Env, v); err != nil {
			return nil, err
		}
	}
	if r.Project != nil {
		if dst, err = appendExprs(dst, r.Project, r.Env, v); err != nil {
			return nil, err
		}
	}
	if r.Agg != nil {
		if dst, err = appendAggregate(dst, r.Agg, r.Env, v); err != nil {
			return nil, err
		}
	}
	if dst, err = appendOrder(dst, r.Order, r.Env, v); err != nil || len(r.Joins) == 0 {
		return dst, err
	}
	return appendJoins(dst, r, v)
}

// DecodeRead reads what AppendRead wrote; the fragment aliases src.
func DecodeRead(src []byte) (*Read, []byte, error) {
	d := wire.NewReader(src)
	r := readRead(d, true)
	if d.Err() != nil {
		return nil, nil, d.Err()
	}
	return r, d.Rest(), nil
}

// readRead reads a read, which may join others if it is none of them itself.
func readRead(d *wire.Reader, joins bool) *Read {
	flags, ok := header(d)
	if !ok {
		return nil
	}
	r := &Read{Reverse: flags&hasReverse != 0, WithKeys: flags&hasWithKeys != 0}
	r.Tablet = schema.TabletID(d.Uvarint())
	r.SchemaVersion = d.Uvarint()
	r.Index = schema.IndexID(d.Uvarint())
	r.Limit = d.Uvarint()
	r.Columns = readColumnIDs(d)
	if flags&hasKeys != 0 {
		if r.Keys = readKeys(d); r.Keys == nil {
			r.Keys = [][]byte{} // no keys is no rows; nil would be a scan
		}
	} else {
		r.Spans = readSpans(d)
	}
	if flags&hasEnv != 0 {
		r.Env = readEnv(d)
	}
	if flags&hasFilter != 0 {
		r.Filter = readExpr(d)
	}
	if flags&hasProject != 0 {
		if r.Project = readExprs(d); r.Project == nil {
			r.Project = []expr.Expr{} // rows without columns; nil would be all of them
		}
	}
	if flags&hasAgg != 0 {
		r.Agg = readAggregate(d)
	}
	r.Order = readOrder(d)
	if flags&hasJoins != 0 {
		if !joins {
			d.Fail(wire.ErrCorrupt)
			return nil
		}
		if r.Joins = readList(d, readJoin); r.Joins == nil {
			d.Fail(wire.ErrCorrupt)
		}
	}
	return r
}

// AppendWrite appends w's portable form; as AppendRead.
func AppendWrite(dst []byte, w *Write, v version.Version) ([]byte, error) {
	if err := version.Check(w.Kind.Since(), v, "a write of this kind"); err != nil {
		return nil, err
	}
	flags := bit(w.Where != nil, hasFilter) | bit(w.Env != nil, hasEnv) | bit(w.Keys != nil, hasKeys) | bit(w.AutoInc, hasAutoInc) |
		bit(len(w.Generated) > 0, hasGenerated) | bit(w.hasRules(), hasChecks) | bit(w.Report != nil, hasReport)
	if err := checkFlags(flags, writeFlagsV1, v); err != nil {
		return nil, err
	}
	dst = append(dst, formatVersion, flags, byte(w.Kind))
	dst = binary.AppendUvarint(dst, uint64(w.Tablet))
	dst = binary.AppendUvarint(dst, w.SchemaVersion)
	dst = binary.AppendUvarint(dst, uint64(w.FirstRow))
	dst = appendColumnIDs(dst, w.Columns)
	dst = appendBatch(dst, &w.Rows)
	if len(w.Generated) > 0 {
		dst = appendRising(dst, w.Generated)
	}
	if w.Keys != nil {
		dst = appendKeys(dst, w.Keys)
	}
	if w.Env != nil {
		dst = expr.EncodeEnv(dst, w.Env, w.usesNow(), v)
	}
	var err error
	if w.Where != nil {
		if dst, err = expr.Encode(dst, w.Where, w.Env, v); err != nil {
			return nil, err
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.Set)))
	for i := range w.Set {
		dst = binary.AppendUvarint(dst, uint64(w.Set[i].Column))
		dst = wire.AppendBool(dst, w.Set[i].OnlyIfChanged)
		if dst, err = expr.Encode(dst, w.Set[i].Expr, w.Env, v); err != nil {
			return nil, err
		}
	}
	if w.hasRules() {
		if dst, err = appendChecks(dst, w, v); err != nil {
			return nil, err
		}
	}
	if w.Report != nil {
		dst = appendColumnIDs(dst, w.Report)
	}
	return dst, nil
}

// hasRules tells whether a row that goes in is held to more than the table's definition, or more is to be told of it.
func (w *Write) hasRules() bool {
	return w.Lenient || w.NullsPass || w.Numbers != nil || len(w.Checks) > 0
}

// Bits of the byte before the checks.
const (
	isLenient = 1 << iota
	nullsPass
	hasNumbers
)

func appendChecks(dst []byte, w *Write, v version.Version) ([]byte, error) {
	dst = append(dst, bit(w.Lenient, isLenient)|bit(w.NullsPass, nullsPass)|bit(w.Numbers != nil, hasNumbers))
	dst = binary.AppendUvarint(dst, uint64(len(w.Checks)))
	var err error
	for i := range w.Checks {
		dst = wire.AppendString(dst, w.Checks[i].Name)
		if dst, err = expr.Encode(dst, w.Checks[i].Expr, w.Env, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// usesNow tells whether w's effect may depend on when its statement began. Where it does not, equal statements are equal
// fragments.
func (w *Write) usesNow() bool {
	if w.Env.Mode.Today == 0 || expr.UsesNow(w.Where) {
		return true
	}
	return slices.ContainsFunc(w.Set, func(a Assignment) bool { return expr.UsesNow(a.Expr) }) ||
		slices.ContainsFunc(w.Checks, func(c Check) bool { return expr.UsesNow(c.Expr) })
}

// DecodeWrite reads what AppendWrite wrote; the fragment aliases src.
func DecodeWrite(src []byte) (*Write, []byte, error) {
	d := wire.NewReader(src)
	flags, ok := header(d)
	if !ok {
		return nil, nil, d.Err()
	}
	w := &Write{Kind: Kind(d.Byte()), AutoInc: flags&hasAutoInc != 0}
	w.Tablet = schema.TabletID(d.Uvarint())
	w.SchemaVersion = d.Uvarint()
	w.FirstRow = int(d.Uvarint())
	w.Columns = readColumnIDs(d)
	readBatch(d, &w.Rows, types.DecodeValue)
	if flags&hasGenerated != 0 {
		w.Generated = readRising(d)
	}
	if flags&hasKeys != 0 {
		w.Keys = readKeys(d)
	}
	if flags&hasEnv != 0 {
		w.Env = readEnv(d)
	}
	if flags&hasFilter != 0 {
		w.Where = readExpr(d)
	}
	w.Set = readList(d, readAssignment)
	if flags&hasChecks != 0 {
		options := d.Byte()
		if w.Lenient, w.NullsPass = options&isLenient != 0, options&nullsPass != 0; options&hasNumbers != 0 {
			w.Numbers = []int{}
		}
		if w.Checks = readList(d, readCheck); !w.hasRules() || options > isLenient|nullsPass|hasNumbers {
			d.Fail(wire.ErrCorrupt)
		}
	}
	if flags&hasReport != 0 {
		if w.Report = readColumnIDs(d); w.Report == nil {
			w.Report = []schema.ColumnID{}
		}
	}
	return w, d.Rest(), d.Err()
}

func readCheck(d *wire.Reader) Check { return Check{Name: d.String(), Expr: readExpr(d)} }

func readAssignment(d *wire.Reader) Assignment {
	return Assignment{Column: schema.ColumnID(d.Uvarint()), OnlyIfChanged: d.Bool(), Expr: readExpr(d)}
}

// AppendPage and ReadPage carry a page of rows.
func AppendPage(dst []byte, p *Page) []byte {
	dst = appendBatch(dst, &p.Batch)
	dst = appendKeys(dst, p.Keys)
	return wire.AppendOptional(dst, p.Next)
}

// ReadPage fills p; its rows alias the reader's input.
func ReadPage(d *wire.Reader, p *Page) {
	readBatch(d, &p.Batch, types.DecodeComputed)
	p.Keys = readKeys(d)
	p.Next = d.Optional()
}

// AppendReport and ReadReport carry what a page tells beside its rows.
func AppendReport(dst []byte, r *Report) []byte {
	dst = binary.AppendUvarint(dst, r.Seen)
	dst = binary.AppendUvarint(dst, r.More)
	return appendWarnings(dst, r.Warnings)
}

// ReadReport fills r.
func ReadReport(d *wire.Reader, r *Report) {
	r.Seen, r.More, r.Warnings = d.Uvarint(), d.Uvarint(), readList(d, readWarning)
}

// appendBatch and readBatch carry rows of equal width.
func appendBatch(dst []byte, b *types.Batch) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.Width))
	dst = binary.AppendUvarint(dst, uint64(len(b.Vals)))
	for _, v := range b.Vals {
		dst = types.AppendValue(dst, v)
	}
	return dst
}

// readBatch fills b with what decode takes; its values alias the reader's input.
func readBatch(d *wire.Reader, b *types.Batch, decode func([]byte) (types.Value, []byte, error)) {
	width, n := d.Uvarint(), d.Count()
	if width > limits.BatchWidth || n > 0 && (width == 0 || uint64(n)%width != 0) {
		d.Fail(wire.ErrCorrupt)
		return
	}
	b.Reset(int(width))
	for range n {
		v, rest, err := decode(d.Rest())
		d.SetRest(rest, err)
		if d.Err() != nil {
			return
		}
		b.Vals = append(b.Vals, v)
	}
}

// AppendWriteResult and ReadWriteResult carry a write's outcome.
func AppendWriteResult(dst []byte, r *WriteResult) []byte {
	for _, n := range [...]uint64{r.Matched, r.Changed, r.Affected, r.Duplicates, r.FirstAutoInc, r.LastUpdated} {
		dst = binary.AppendUvarint(dst, n)
	}
	return AppendError(appendWarnings(dst, r.Warnings), r.Err)
}

func appendWarnings(dst []byte, list []Warning) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for i := range list {
		w := &list[i]
		dst = wire.AppendString(dst, w.Level)
		dst = binary.AppendUvarint(dst, uint64(w.Code)|uint64(w.Row)<<16) //nolint:gosec // a row of a fragment
		dst = wire.AppendString(dst, w.Message)
	}
	return dst
}

// ReadWriteResult reads what AppendWriteResult wrote.
func ReadWriteResult(d *wire.Reader) (r WriteResult) {
	for _, n := range [...]*uint64{&r.Matched, &r.Changed, &r.Affected, &r.Duplicates, &r.FirstAutoInc, &r.LastUpdated} {
		*n = d.Uvarint()
	}
	r.Warnings = readList(d, readWarning)
	r.Err = ReadError(d)
	return r
}

func readWarning(d *wire.Reader) Warning {
	w := Warning{Level: d.String()}
	n := d.Uvarint()
	w.Code, w.Row, w.Message = uint16(n), int(n>>16&math.MaxUint32), d.String() //nolint:gosec // its parts
	return w
}

// AppendImages and ReadImages carry what a write with a Report did to rows.
func AppendImages(dst []byte, i *Images) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(i.Kinds)))
	for _, k := range i.Kinds {
		dst = append(dst, byte(k))
	}
	return appendBatch(dst, &i.Rows)
}

// ReadImages reads what AppendImages wrote; it aliases the reader's input.
func ReadImages(d *wire.Reader) *Images {
	i := &Images{Kinds: readList(d, func(d *wire.Reader) ImageKind { return ImageKind(d.Byte()) })}
	readBatch(d, &i.Rows, types.DecodeValue)
	if i.Rows.Width > 0 && i.Rows.Len() != len(i.Kinds) {
		d.Fail(wire.ErrCorrupt)
	}
	return i
}

// AppendError and ReadError carry a MySQL error or nil.
func AppendError(dst []byte, e *mysqlerr.Error) []byte {
	if e == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(append(dst, 1), uint64(e.Code))
	dst = wire.AppendString(dst, e.State)
	return wire.AppendString(dst, e.Message)
}

// ReadError reads what AppendError wrote.
func ReadError(d *wire.Reader) *mysqlerr.Error {
	if d.Byte() == 0 {
		return nil
	}
	return &mysqlerr.Error{Code: uint16(d.Uvarint()), State: d.String(), Message: d.String()}
}

// AppendEffect and ReadEffect carry a resolved row change.
func AppendEffect(dst []byte, e *Effect) []byte {
	dst = append(dst, byte(e.Op))
	dst = binary.AppendUvarint(dst, uint64(e.Tablet))
	dst = binary.AppendUvarint(dst, uint64(e.Expect))
	dst = wire.AppendBytes(dst, e.Key)
	return wire.AppendOptional(dst, e.Row)
}

// ReadEffect reads what AppendEffect wrote; it aliases the reader's input.
func ReadEffect(d *wire.Reader) Effect {
	return Effect{Op: EffectOp(d.Byte()), Tablet: schema.TabletID(d.Uvarint()), Expect: mvcc.Timestamp(d.Uvarint()), Key: d.Bytes(), Row: d.Optional()}
}

func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}

func header(d *wire.Reader) (flags byte, ok bool) {
	if v := d.Byte(); d.Err() == nil && v != formatVersion {
		d.Fail(fmt.Errorf("fragment: format version %d is %w (which knows %d)", v, wire.ErrUnknown, formatVersion))
	}
	flags = d.Byte()
	return flags, d.Err() == nil
}

func appendColumnIDs(dst []byte, ids []schema.ColumnID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	return dst
}

func readColumnIDs(d *wire.Reader) []schema.ColumnID { return readList(d, readColumnID) }

func readColumnID(d *wire.Reader) schema.ColumnID { return schema.ColumnID(d.Uvarint()) }

// readList reads a count and the elements; nil without any.
func readList[T any](d *wire.Reader, read func(*wire.Reader) T) []T {
	n := d.Count()
	if n == 0 {
		return nil
	}
	list := make([]T, 0, min(n, limits.Prealloc))
	for ; n > 0 && d.Err() == nil; n-- {
		list = append(list, read(d))
	}
	return list
}

// appendRising and readRising carry rising numbers as their differences.
func appendRising(dst []byte, ns []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ns)))
	prev := uint32(0)
	for _, n := range ns {
		dst = binary.AppendUvarint(dst, uint64(n-prev))
		prev = n
	}
	return dst
}

func readRising(d *wire.Reader) []uint32 {
	prev := uint32(0)
	return readList(d, func(d *wire.Reader) uint32 {
		prev += uint32(d.Uvarint())
		return prev
	})
}

func appendKeys(dst []byte, keys [][]byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = wire.AppendBytes(dst, k)
	}
	return dst
}

func readKeys(d *wire.Reader) [][]byte { return readList(d, (*wire.Reader).Bytes) }

func appendSpans(dst []byte, spans []Span) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(spans)))
	for i := range spans {
		dst = wire.AppendOptional(dst, spans[i].Start)
		dst = wire.AppendOptional(dst, spans[i].End)
	}
	return dst
}

func readSpans(d *wire.Reader) []Span {
	return readList(d, func(d *wire.Reader) Span { return Span{Start: d.Optional(), End: d.Optional()} })
}

func appendExprs(dst []byte, es []expr.Expr, env *expr.Env, v version.Version) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(es)))
	var err error
	for _, e := range es {
		if dst, err = expr.Encode(dst, e, env, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func readExprs(d *wire.Reader) []expr.Expr { return readList(d, readExpr) }

func readExpr(d *wire.Reader) expr.Expr {
	if d.Err() != nil {
		return nil
	}
	e, rest, err := expr.Decode(d.Rest())
	if e == nil && err == nil {
		err = wire.ErrCorrupt // where a fragment has no expression, it has no room for one
	}
	d.SetRest(rest, err)
	return e
}

func readEnv(d *wire.Reader) *expr.Env {
	if d.Err() != nil {
		return nil
	}
	env, rest, err := expr.DecodeEnv(d.Rest())
	d.SetRest(rest, err)
	return env
}

func appendAggregate(dst []byte, a *Aggregate, env *expr.Env, v version.Version) ([]byte, error) {
	dst, err := appendExprs(dst, a.GroupBy, env, v)
	if err != nil {
		return nil, err
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.Aggs)))
	for _, agg := range a.Aggs {
		if dst, err = expr.EncodeAgg(dst, agg, env, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func readAggregate(d *wire.Reader) *Aggregate {
	a := &Aggregate{GroupBy: readExprs(d)}
	a.Aggs = readList(d, func(d *wire.Reader) *expr.Agg {
		agg, rest, err := expr.DecodeAgg(d.Rest())
		d.SetRest(rest, err)
		return agg
	})
	return a
}

func appendOrder(dst []byte, keys []expr.SortKey, env *expr.Env, v version.Version) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	var err error
	for _, k := range keys {
		dst = wire.AppendBool(dst, k.Desc)
		if dst, err = expr.Encode(dst, k.Expr, env, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func readOrder(d *wire.Reader) []expr.SortKey {
	return readList(d, func(d *wire.Reader) expr.SortKey { return expr.SortKey{Desc: d.Bool(), Expr: readExpr(d)} })
}
