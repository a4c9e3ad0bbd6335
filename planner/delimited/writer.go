package delimited

import (
	"bytes"
	"strings"

	"cloudsql/storage/types"
)

// Writer makes lines of rows.
type Writer struct {
	f      Format
	fields []types.Field
	fixed  bool
	quoted []bool // fields that are enclosed
	widths []int  // of the format without separators

	escapes [2][256]bool // bytes that something stands before; [1]: in fields that are enclosed
	doubled int          // the enclosing byte, where an escape character before it would mean something else
	chars   func(text []byte) int
	text    []byte
}

// meaningful are the bytes that mean something else behind an escape character.
const meaningful = "ntrb0ZN"

// Ambiguous tells a format whose field terminator can't be escaped, as it would mean something else.
func (f *Format) Ambiguous() bool {
	return f.FieldTerm != "" && (f.Enclosed == "" || f.OptionallyEnclosed) && strings.IndexByte(meaningful, f.FieldTerm[0]) >= 0 && f.Escaped != ""
}

// NewWriter makes lines in a format of rows with such fields.
func NewWriter(f Format, fields []types.Field) *Writer {
	if f.LineTerm == "" {
		f.LineTerm = f.FieldTerm
	}
	w := &Writer{f: f, fields: fields, fixed: f.Fixed(), quoted: make([]bool, len(fields)), widths: make([]int, len(fields)),
		doubled: none, chars: charWidth(f.Charset.Charset())}
	for i := range fields {
		t := &fields[i].Type
		w.quoted[i] = f.Enclosed != "" && (!f.OptionallyEnclosed || isText(t))
		w.widths[i] = Width(t, f.Charset)
		w.fixed = w.fixed && !Blob(t)
	}
	if f.Escaped == "" {
		return w
	}
	for quoted := range w.escapes {
		set := &w.escapes[quoted]
		set[f.Escaped[0]], set[0] = true, true
		if f.LineTerm != "" {
			set[f.LineTerm[0]] = true
		}
		switch {
		case quoted == 1 && f.Enclosed != "":
			set[f.Enclosed[0]] = true
			if strings.IndexByte(meaningful, f.Enclosed[0]) >= 0 {
				w.doubled = int(f.Enclosed[0])
			}
		case f.FieldTerm != "" && !f.Ambiguous():
			set[f.FieldTerm[0]] = true
		}
	}
	return w
}

// isText tells the types whose values OPTIONALLY ENCLOSED encloses: those whose values MySQL has as strings.
func isText(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt, types.ClassFloat, types.ClassDecimal, types.ClassBit:
		return false
	}
	return true
}

// AppendRow appends a line.
func (w *Writer) AppendRow(dst []byte, row []types.Value) []byte {
	dst = append(dst, w.f.LineStart...)
	for i := range row {
		if i > 0 {
			dst = append(dst, w.f.FieldTerm...)
		}
		dst = w.appendValue(dst, row[i], i)
	}
	return append(dst, w.f.LineTerm...)
}

func (w *Writer) appendValue(dst []byte, v types.Value, i int) []byte {
	if v.IsNull() {
		return w.appendNull(dst, i)
	}
	w.text = v.AppendText(w.text[:0], &w.fields[i].Type)
	text := w.text
	if isCharacters(v) {
		text = w.f.Charset.Encode(text)
	}
	switch {
	case w.fixed:
		return appendPadded(dst, text, w.widths[i])
	case w.quoted[i]:
		dst = append(dst, w.f.Enclosed...)
		return append(w.appendEscaped(dst, text, 1), w.f.Enclosed...)
	}
	return w.appendEscaped(dst, text, 0)
}

// appendNull: \N, or the word where nothing can be escaped; spaces where fields have no separators.
func (w *Writer) appendNull(dst []byte, i int) []byte {
	switch {
	case w.fixed:
		return appendPadded(dst, nil, w.widths[i])
	case w.f.Escaped != "":
		return append(append(dst, w.f.Escaped...), 'N')
	}
	return append(dst, "NULL"...)
}

// appendPadded gives a field its width.
func appendPadded(dst, text []byte, width int) []byte {
	text = text[:min(len(text), width)]
	dst = append(dst, text...)
	return append(dst, bytes.Repeat([]byte{' '}, width-len(text))...)
}

func (w *Writer) appendEscaped(dst, text []byte, quoted int) []byte {
	if w.f.Escaped == "" {
		return append(dst, text...)
	}
	for j := 0; j < len(text); j++ {
		c := text[j]
		if w.chars != nil && c >= 0x80 {
			if n := w.chars(text[j:]); n > 1 {
				dst = append(dst, text[j:j+n]...)
				j += n - 1
				continue
			}
		}
		switch {
		case !w.escapes[quoted][c]:
		case quoted == 1 && int(c) == w.doubled:
			dst = append(dst, c)
		default:
			dst = append(dst, w.f.Escaped...)
		}
		if c == 0 {
			c = '0'
		}
		dst = append(dst, c)
	}
	return dst
}

// isCharacters tells values that change with the character set.
func isCharacters(v types.Value) bool {
	switch v.Kind() {
	case types.KindString, types.KindEnum, types.KindSet, types.KindJSON:
		return true
	}
	return false
}
