package row

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

const (
	version  = 1
	flagWide = 1
	maxThin  = 1<<16 - 1
)

// Errors of decoding.
var (
	ErrCorrupt = errors.New("row: corrupt row")
	ErrVersion = errors.New("row: unknown row format version")
)

// Encode appends a full row (positions of t.Columns, storage form).
func Encode(dst []byte, t *schema.Table, row []types.Value) []byte {
	var few [32]int
	order := idOrder(few[:0], t)
	// Values first go behind a header of the thin form's size; a row that proves too long is moved for the wide one.
	start := len(dst)
	dst = appendHeader(dst, t, order)
	nulls := len(dst)
	dst = append(dst, make([]byte, (len(order)+7)/8)...)
	ends := len(dst)
	dst = append(dst, make([]byte, 2*len(order))...)
	data := len(dst)
	for i, p := range order {
		if row[p].IsNull() {
			dst[nulls+i/8] |= 1 << (i % 8)
		} else {
			dst = appendValue(dst, row[p])
		}
		if end := len(dst) - data; end <= maxThin {
			binary.LittleEndian.PutUint16(dst[ends+2*i:], uint16(end))
		}
	}
	if len(dst)-data > maxThin {
		return widen(dst, start, nulls, ends, data, order, row)
	}
	return dst
}

// widen rewrites a row whose data outgrew two-byte offsets.
func widen(dst []byte, start, nulls, ends, data int, order []int, row []types.Value) []byte {
	values := append([]byte(nil), dst[data:]...)
	dst = dst[:ends]
	dst[start+1] |= flagWide
	var scratch []byte
	end := 0
	for _, p := range order {
		if !row[p].IsNull() {
			scratch = appendValue(scratch[:0], row[p])
			end += len(scratch)
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(end))
	}
	return append(dst, values...)
}

func idOrder(order []int, t *schema.Table) []int {
	sorted := true
	for i := range t.Columns {
		order = append(order, i)
		sorted = sorted && (i == 0 || t.Columns[i-1].ID < t.Columns[i].ID)
	}
	if !sorted {
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.Columns[a].ID, t.Columns[b].ID) })
	}
	return order
}

func appendValue(dst []byte, v types.Value) []byte {
	//exhaustive:enforce
	switch v.Kind() {
	case types.KindInt, types.KindTime, types.KindTimestamp:
		return appendShort(dst, zigzag(v.Int()))
	case types.KindUint, types.KindDate, types.KindDatetime, types.KindEnum, types.KindSet, types.KindBit:
		return appendShort(dst, v.Uint())
	case types.KindFloat:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float()))
	case types.KindDecimal:
		return appendDecimal(dst, v)
	case types.KindNull, types.KindString, types.KindBytes, types.KindJSON:
	}
	return append(dst, v.Raw()...)
}

// bigDecimal marks a decimal whose digits follow as text, beside the scale (at most 30).
const bigDecimal = 0x80

func appendDecimal(dst []byte, v types.Value) []byte {
	if unscaled, ok := v.SmallDecimal(); ok {
		return appendShort(append(dst, byte(v.Scale())), zigzag(unscaled))
	}
	return v.AppendText(append(dst, byte(v.Scale())|bigDecimal), nil)
}

func decimalValue(b []byte) (types.Value, error) {
	if len(b) == 0 {
		return types.Null, ErrCorrupt
	}
	if b[0]&bigDecimal != 0 {
		v, n, ok := types.ParseDecimal(b[1:])
		if !ok || n != len(b)-1 {
			return types.Null, ErrCorrupt
		}
		return v, nil
	}
	u, ok := short(b[1:])
	if !ok || b[0] > types.MaxDecimalScale {
		return types.Null, ErrCorrupt
	}
	return types.DecSmall(unzigzag(u), int(b[0])), nil
}

func zigzag(i int64) uint64   { return uint64(i<<1) ^ uint64(i>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func appendShort(dst []byte, u uint64) []byte {
	for u != 0 {
		dst = append(dst, byte(u))
		u >>= 8
	}
	return dst
}

func short(b []byte) (uint64, bool) {
	if len(b) > 8 {
		return 0, false
	}
	var u uint64
	for i := len(b) - 1; i >= 0; i-- {
		u = u<<8 | uint64(b[i])
	}
	return u, true
}

// Decoder reads certain columns of a table's rows. It is immutable and safe for concurrent use.
type Decoder struct {
	columns []decoderColumn
	byID    []int // indexes of columns in order of their ids
	maxID   schema.ColumnID

	// usual is how a row begins that has just the table's columns and thin offsets, as nearly all have; behind it are its nulls, from ends on
	// its offsets, from data on its values.
	usual      []byte
	ends, data int
}

type decoderColumn struct {
	at      int // place among the columns of a usual row; -1: none
	quick   quick
	id      schema.ColumnID
	typ     types.Type
	class   types.Class
	missing types.Value
}

// quick is how a value of the commonest types is decoded, without asking for more of the type.
type quick uint8

const (
	slowly quick = iota
	quickText
	quickInt
	quickDate
	quickDecimal
)

func quickOf(t *types.Type) quick {
	switch cl := t.Class(); {
	case cl == types.ClassString && t.Collation != collation.Binary:
		return quickText
	case cl == types.ClassInt && !t.Unsigned:
		return quickInt
	case cl == types.ClassDate:
		return quickDate
	case cl == types.ClassDecimal:
		return quickDecimal
	}
	return slowly
}

// NewDecoder makes a decoder for columns of t, in the order given. A column id that t lacks reads as NULL.
func NewDecoder(t *schema.Table, columns []schema.ColumnID) *Decoder {
	d := &Decoder{columns: make([]decoderColumn, len(columns)), byID: make([]int, len(columns))}
	for i, id := range columns {
		d.byID[i] = i
		d.columns[i].id = id
		if pos := t.ColumnByID(id); pos >= 0 {
			d.columns[i] = newDecoderColumn(&t.Columns[pos])
		}
		d.maxID = max(d.maxID, id)
	}
	slices.SortFunc(d.byID, func(a, b int) int { return cmp.Compare(columns[a], columns[b]) })
	d.foresee(t)
	return d
}

// foresee works out how usual rows look.
func (d *Decoder) foresee(t *schema.Table) {
	order := idOrder(nil, t)
	d.usual = appendHeader(nil, t, order)
	d.ends = len(d.usual) + (len(order)+7)/8
	d.data = d.ends + 2*len(order)
	for i := range d.columns {
		c := &d.columns[i]
		at, found := slices.BinarySearchFunc(order, c.id, func(p int, id schema.ColumnID) int { return cmp.Compare(t.Columns[p].ID, id) })
		if c.at = at; !found {
			c.at = -1
		}
	}
}

// appendHeader appends what a row with thin offsets begins with, up to its nulls.
func appendHeader(dst []byte, t *schema.Table, order []int) []byte {
	dst = append(dst, version, 0)
	dst = binary.AppendUvarint(dst, uint64(len(order)))
	prev := schema.ColumnID(0)
	for _, p := range order {
		id := t.Columns[p].ID
		dst = binary.AppendUvarint(dst, uint64(id-prev))
		prev = id
	}
	return dst
}

func newDecoderColumn(c *schema.Column) decoderColumn {
	dc := decoderColumn{id: c.ID, typ: c.Type, class: c.Type.Class(), quick: quickOf(&c.Type)}
	if len(c.Missing) > 0 {
		if v, _, err := types.DecodeValue(c.Missing); err == nil {
			dc.missing = v.Clone()
		}
	}
	return dc
}

// Width is the number of columns.
func (d *Decoder) Width() int { return len(d.columns) }

// layout is a parsed row header.
type layout struct {
	ids, nulls, ends, data []byte
	n                      int
	wide                   bool
}

func parse(b []byte) (l layout, err error) {
	if len(b) < 3 {
		return l, ErrCorrupt
	}
	if b[0] != version {
		return l, ErrVersion
	}
	l.wide = b[1]&flagWide != 0
	n, size := binary.Uvarint(b[2:])
	if size <= 0 || n > uint64(len(b)) {
		return l, ErrCorrupt
	}
	l.n = int(n)
	rest := b[2+size:]
	idLen := 0
	for i := 0; i < l.n; i++ { // ids are one byte each but in tables that have had many columns
		for idLen < len(rest) && rest[idLen] >= 0x80 {
			idLen++
		}
		idLen++
	}
	width := 2
	if l.wide {
		width = 4
	}
	nullLen := (l.n + 7) / 8
	if idLen+nullLen+width*l.n > len(rest) {
		return l, ErrCorrupt
	}
	l.ids, rest = rest[:idLen], rest[idLen:]
	l.nulls, rest = rest[:nullLen], rest[nullLen:]
	l.ends, l.data = rest[:width*l.n], rest[width*l.n:]
	return l, nil
}

func (l *layout) end(i int) int {
	if l.wide {
		return int(binary.LittleEndian.Uint32(l.ends[4*i:]))
	}
	return int(binary.LittleEndian.Uint16(l.ends[2*i:]))
}

// value gives the bytes of the i-th column; ok is false where offsets are corrupt.
func (l *layout) value(i int) (b []byte, ok bool) {
	from := 0
	if i > 0 {
		from = l.end(i - 1)
	}
	to := l.end(i)
	if from > to || to > len(l.data) {
		return nil, false
	}
	return l.data[from:to:to], true
}

// Decode fills dst[:Width()] from an encoded row, aliasing it. Columns that the row lacks read as their Missing value.
// With loc, TIMESTAMPs become local DATETIMEs; without, they stay in storage form.
func (d *Decoder) Decode(data []byte, dst []types.Value, loc *time.Location) error {
	if !d.isUsual(data) {
		return d.decodeAny(data, dst, loc)
	}
	r := d.usualRow(data)
	for p := range d.columns {
		if err := d.decodeUsual(&r, p, dst, loc); err != nil {
			return err
		}
	}
	return nil
}

// DecodeSome is Decode of the columns at some places, in any order; it may fill others, too.
func (d *Decoder) DecodeSome(data []byte, places []int, dst []types.Value, loc *time.Location) error {
	if !d.isUsual(data) {
		return d.decodeAny(data, dst, loc)
	}
	r := d.usualRow(data)
	for _, p := range places {
		if err := d.decodeUsual(&r, p, dst, loc); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) isUsual(data []byte) bool {
	return len(data) >= d.data && string(data[:len(d.usual)]) == string(d.usual)
}

// usualRow is the parts of a usual row behind its header.
type usualRow struct{ nulls, ends, values []byte }

func (d *Decoder) usualRow(data []byte) usualRow {
	return usualRow{data[len(d.usual):d.ends], data[d.ends:d.data], data[d.data:]}
}

// decodeUsual fills one place from a usual row.
func (d *Decoder) decodeUsual(r *usualRow, p int, dst []types.Value, loc *time.Location) error {
	c := &d.columns[p]
	i := c.at
	switch {
	case i < 0:
		d.fillMissing(p, dst, loc)
		return nil
	case r.nulls[i/8]&(1<<(i%8)) != 0:
		dst[p] = types.Null
		return nil
	}
	from := 0
	if i > 0 {
		from = int(binary.LittleEndian.Uint16(r.ends[2*i-2:]))
	}
	to := int(binary.LittleEndian.Uint16(r.ends[2*i:]))
	if from > to || to > len(r.values) {
		return ErrCorrupt
	}
	if c.quick.value(r.values, from, to, &dst[p]) {
		return nil
	}
	v, err := c.value(r.values[from:to:to])
	if err != nil {
		return err
	}
	if loc != nil && v.Kind() == types.KindTimestamp {
		v = types.ToLocal(v, loc)
	}
	dst[p] = v
	return nil
}

// value decodes values[from:to]; false where that is left to the slow way.
func (q quick) value(values []byte, from, to int, v *types.Value) bool {
	switch q {
	case quickText:
		*v = types.String(values[from:to:to])
		return true
	case quickInt, quickDate:
		u, ok := shortAt(values, from, to)
		if !ok {
			return false
		}
		if q == quickDate {
			*v = types.Date(u)
		} else {
			*v = types.Int(unzigzag(u))
		}
		return true
	case quickDecimal:
		if from >= to || values[from] > types.MaxDecimalScale {
			return false
		}
		u, ok := shortAt(values, from+1, to)
		if ok {
			*v = types.DecSmall(unzigzag(u), int(values[from]))
		}
		return ok
	case slowly:
	}
	return false
}

// shortAt is short of values[from:to], read at once where eight bytes are there; false where they are not.
func shortAt(values []byte, from, to int) (uint64, bool) {
	n := to - from
	if n > 8 || from+8 > len(values) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(values[from:]) & (1<<(8*n) - 1), true
}

// decodeAny is Decode of a row that may have other columns than the table has now.
func (d *Decoder) decodeAny(data []byte, dst []types.Value, loc *time.Location) error {
	l, err := parse(data)
	if err != nil {
		return err
	}
	want := 0 // position in d.byID
	id := schema.ColumnID(0)
	ids := l.ids
	for i := 0; i < l.n && want < len(d.byID); i++ {
		step, size := binary.Uvarint(ids)
		if size <= 0 {
			return ErrCorrupt
		}
		ids = ids[size:]
		id += schema.ColumnID(step)
		for want < len(d.byID) && d.columns[d.byID[want]].id < id {
			d.fillMissing(d.byID[want], dst, loc)
			want++
		}
		for want < len(d.byID) && d.columns[d.byID[want]].id == id {
			if err := d.decodeColumn(&l, i, d.byID[want], dst, loc); err != nil {
				return err
			}
			want++
		}
	}
	for ; want < len(d.byID); want++ {
		d.fillMissing(d.byID[want], dst, loc)
	}
	return nil
}

func (d *Decoder) fillMissing(p int, dst []types.Value, loc *time.Location) {
	dst[p] = d.columns[p].missing
	if loc != nil && dst[p].Kind() == types.KindTimestamp {
		dst[p] = types.ToLocal(dst[p], loc)
	}
}

func (d *Decoder) decodeColumn(l *layout, i, p int, dst []types.Value, loc *time.Location) error {
	if l.nulls[i/8]&(1<<(i%8)) != 0 {
		dst[p] = types.Null
		return nil
	}
	b, ok := l.value(i)
	if !ok {
		return ErrCorrupt
	}
	v, err := d.columns[p].value(b)
	if err != nil {
		return err
	}
	if loc != nil && v.Kind() == types.KindTimestamp {
		v = types.ToLocal(v, loc)
	}
	dst[p] = v
	return nil
}

func (c *decoderColumn) value(b []byte) (types.Value, error) {
	switch c.class {
	case types.ClassInt, types.ClassDate: // the commonest of what is stored as an integer
		if u, ok := short(b); ok {
			return c.integer(u)
		}
		return types.Null, ErrCorrupt
	case types.ClassString:
		if c.typ.Collation == collation.Binary {
			return types.Bytes(b), nil
		}
		return types.String(b), nil
	case types.ClassJSON:
		return types.JSON(b), nil
	case types.ClassFloat:
		if len(b) != 8 {
			return types.Null, ErrCorrupt
		}
		return types.Float(math.Float64frombits(binary.LittleEndian.Uint64(b))), nil
	case types.ClassDecimal:
		return decimalValue(b)
	}
	u, ok := short(b)
	if !ok {
		return types.Null, ErrCorrupt
	}
	return c.integer(u)
}

func (c *decoderColumn) integer(u uint64) (types.Value, error) {
	fsp := max(c.typ.Decimals, 0)
	switch c.class {
	case types.ClassInt:
		if c.typ.Unsigned {
			return types.Uint(u), nil
		}
		return types.Int(unzigzag(u)), nil
	case types.ClassDate:
		return types.Date(u), nil
	case types.ClassDatetime:
		if c.typ.IsTimestamp() {
			return types.Timestamp(unzigzag(u), fsp), nil
		}
		return types.Datetime(u, fsp), nil
	case types.ClassTime:
		return types.Time(unzigzag(u), fsp), nil
	case types.ClassBit:
		return types.Bit(u, c.typ.Length), nil
	case types.ClassEnum:
		if u > uint64(len(c.typ.Elems)) {
			return types.Null, ErrCorrupt
		}
		return types.EnumValue(&c.typ, u), nil
	case types.ClassSet:
		return types.SetValue(&c.typ, u), nil
	}
	return types.Null, ErrCorrupt
}
