package columnar

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cloudsql/storage/types"
)

// Column is a column of a block, in storage form: exactly one of Codes, Words and bytes says what the rows have.
type Column struct {
	Rows int

	// Codes are places in Dict, whose values are different; NULL is one of them.
	Codes []uint16
	Dict  []types.Value

	// Words are the numbers of values that have all the shape of Shape; rows in Nulls are NULL.
	Words []int64
	Shape types.Value
	Nulls []byte // a bit for each row; nil: none is NULL

	// bytes are the encoded values; Raw, for the column of keys, are not encoded.
	raw   *array.Binary
	bytes int // that it takes in memory
}

// IsNull tells of a column of Words whether a row is NULL.
func (c *Column) IsNull(i int) bool { return c.Nulls != nil && c.Nulls[i>>3]&(1<<(i&7)) != 0 }

// Value is the value of a row, valid for good.
func (c *Column) Value(i int) (types.Value, error) {
	switch {
	case c.Codes != nil:
		return c.Dict[c.Codes[i]], nil
	case c.Words == nil:
		v, _, err := types.DecodeStored(c.raw.Value(i))
		return v, err
	case c.IsNull(i):
		return types.Null, nil
	}
	return c.Shape.WithWord(uint64(c.Words[i])), nil //nolint:gosec // the same bits
}

// Raw is the key in a row of the column of keys.
func (c *Column) Raw(i int) []byte { return c.raw.Value(i) }

const (
	maxDictionary = 1 << 12 // different values
	shapeName     = "shape"
)

// encode writes the values of a column as a page.
func encode(values []types.Value) ([]byte, error) {
	if a, meta := dictionary(values); a != nil {
		return stream(a, meta)
	}
	if a, meta := words(values); a != nil {
		return stream(a, meta)
	}
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	var scratch []byte
	for _, v := range values {
		scratch = types.AppendValue(scratch[:0], v)
		b.Append(scratch)
	}
	return stream(b.NewArray(), arrow.Metadata{})
}

// encodeKeys writes the column of keys.
func encodeKeys(keys [][]byte) ([]byte, error) {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	for _, k := range keys {
		b.Append(k)
	}
	return stream(b.NewArray(), arrow.Metadata{})
}

// dictionary gives the values as codes, where a few different ones come again and again. Values are the same if their encodings are.
func dictionary(values []types.Value) (arrow.Array, arrow.Metadata) {
	codes := make([]uint16, len(values))
	places := map[string]uint16{}
	entries := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	var scratch []byte
	for i, v := range values {
		scratch = types.AppendValue(scratch[:0], v)
		code, ok := places[string(scratch)]
		if !ok {
			if len(places) == maxDictionary || len(places) > 64 && len(places) > len(values)/4 {
				return nil, arrow.Metadata{}
			}
			code = uint16(len(places)) //nolint:gosec // at most maxDictionary
			places[string(scratch)] = code
			entries.Append(scratch)
		}
		codes[i] = code
	}
	b := array.NewUint16Builder(memory.DefaultAllocator)
	b.AppendValues(codes, nil)
	return array.NewDictionaryArray(dictionaryType, b.NewArray(), entries.NewArray()), arrow.Metadata{}
}

var dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint16, ValueType: arrow.BinaryTypes.Binary}

// words gives the values as numbers, where they are of one shape.
func words(values []types.Value) (arrow.Array, arrow.Metadata) {
	shape := types.Null
	list, valid := make([]int64, len(values)), make([]bool, len(values))
	for i, v := range values {
		if v.IsNull() {
			continue
		}
		w, ok := v.Word()
		if !ok || !shape.IsNull() && !v.SameShape(shape) {
			return nil, arrow.Metadata{}
		}
		shape, list[i], valid[i] = v, int64(w), true //nolint:gosec // the same bits
	}
	if shape.IsNull() {
		return nil, arrow.Metadata{}
	}
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(list, valid)
	text := hex.EncodeToString(types.AppendValue(nil, shape))
	return b.NewArray(), arrow.NewMetadata([]string{shapeName}, []string{text})
}

// stream writes an array as an Arrow stream of one record.
func stream(a arrow.Array, meta arrow.Metadata) ([]byte, error) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: a.DataType(), Nullable: true, Metadata: meta}}, nil)
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema), ipc.WithLZ4())
	if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// decode reads what encode wrote. The bytes have been checked; what does not fit all the same is damage.
func decode(b []byte) (c *Column, err error) {
	defer func() {
		if v := recover(); v != nil { // the library's, over bytes that it has not written
			c, err = nil, fmt.Errorf("%w: %v", ErrDamaged, v)
		}
	}()
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !r.Next() {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, r.Err())
	}
	record := r.RecordBatch()
	c = &Column{Rows: int(record.NumRows())}
	switch a := record.Column(0).(type) {
	case *array.Dictionary:
		return c, c.fillDictionary(a)
	case *array.Int64:
		return c, c.fillWords(a, r.Schema().Field(0).Metadata)
	case *array.Binary:
		a.Retain() // the reader lets go of its record
		c.raw, c.bytes = a, len(a.ValueBytes())+4*c.Rows
		return c, nil
	}
	return nil, ErrDamaged
}

func (c *Column) fillDictionary(a *array.Dictionary) error {
	c.Codes = append(make([]uint16, 0, c.Rows), a.Indices().(*array.Uint16).Uint16Values()...)
	entries := a.Dictionary().(*array.Binary)
	c.bytes = 2*c.Rows + 40*entries.Len()
	for i := range entries.Len() {
		v, _, err := types.DecodeStored(bytes.Clone(entries.Value(i)))
		if err != nil {
			return err
		}
		c.bytes += entries.ValueLen(i)
		c.Dict = append(c.Dict, v)
	}
	for _, code := range c.Codes {
		if int(code) >= len(c.Dict) {
			return ErrDamaged
		}
	}
	return nil
}

func (c *Column) fillWords(a *array.Int64, meta arrow.Metadata) error {
	text, _ := meta.GetValue(shapeName)
	shape, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	if c.Shape, _, err = types.DecodeStored(shape); err != nil {
		return err
	}
	c.Words = append(make([]int64, 0, c.Rows), a.Int64Values()...)
	c.bytes = 8 * c.Rows
	if a.NullN() == 0 {
		return nil
	}
	c.Nulls = make([]byte, (c.Rows+7)/8)
	for i := range c.Rows {
		if a.IsNull(i) {
			c.Nulls[i>>3] |= 1 << (i & 7)
		}
	}
	return nil
}
