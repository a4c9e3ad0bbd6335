package delimited

import (
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

// Format is how rows are written: the clauses FIELDS and LINES. Enclosed and Escaped have one byte, or none.
type Format struct {
	FieldTerm           string
	Enclosed            string
	OptionallyEnclosed  bool // only strings are
	Escaped             string
	LineStart, LineTerm string
	Charset             collation.ID // of the file; CollationBinary: bytes are taken as they are
}

// Default is the format where no clause says otherwise.
func Default() Format { return Format{FieldTerm: "\t", Escaped: `\`, LineTerm: "\n"} }

// Check gives 1083 for a separator that must be one byte and is not.
func (f *Format) Check() error {
	if len(f.Enclosed) > 1 || len(f.Escaped) > 1 {
		return mysqlerr.New(mysqlerr.WrongFieldTerminators)
	}
	return nil
}

// Fixed tells the format without separators between fields: each has the width of its column.
func (f *Format) Fixed() bool { return f.FieldTerm == "" && f.Enclosed == "" }

// charWidth tells how many bytes the character at the beginning of text has; nil where each is one byte. Further bytes may look like
// ASCII, and like separators.
func charWidth(charset string) func(text []byte) int {
	pair := func(leads func(b byte) bool) func(text []byte) int {
		return func(text []byte) int {
			if len(text) > 1 && leads(text[0]) && text[1] >= 0x40 {
				return 2
			}
			return 1
		}
	}
	switch charset {
	case "utf8mb4", "utf8mb3":
		return func(text []byte) int {
			_, n := utf8.DecodeRune(text)
			return max(n, 1)
		}
	case "sjis", "cp932":
		return pair(func(b byte) bool { return b >= 0x81 && b <= 0x9f || b >= 0xe0 && b <= 0xfc })
	case "gbk", "gb2312", "euckr", "ujis", "eucjpms":
		return pair(func(b byte) bool { return b >= 0x81 && b <= 0xfe })
	case "big5":
		return pair(func(b byte) bool { return b >= 0xa1 && b <= 0xf9 })
	case "gb18030":
		two := pair(func(b byte) bool { return b >= 0x81 && b <= 0xfe })
		return func(text []byte) int {
			if len(text) > 3 && text[0] >= 0x81 && text[1] >= '0' && text[1] <= '9' {
				return 4
			}
			return two(text)
		}
	}
	return nil
}

const maxWidth = 4 // bytes of the widest character

// badFirst tells the bytes that no character begins with, in the forms of UTF-8.
func badFirst(charset string) func(b byte) bool {
	last := byte(0xf4)
	switch charset {
	case "utf8mb3", "utf8":
		last = 0xef
	case "utf8mb4":
	default:
		return nil
	}
	return func(b byte) bool { return b >= 0x80 && b < 0xc2 || b > last }
}

// FileCharset is the character set of a file: UTF-8 where name is empty. 1115 for an unknown one.
func FileCharset(name string) (collation.ID, error) {
	switch strings.ToLower(name) {
	case "", "utf8mb4":
		return collation.Default, nil
	case "binary":
		return collation.Binary, nil
	case "ucs2", "utf16", "utf16le", "utf32":
		return 0, mysqlerr.NotSupported("text files in " + name)
	}
	c, ok := collation.DefaultOf(name)
	if !ok {
		return 0, mysqlerr.New(mysqlerr.UnknownCharacterSet, name)
	}
	return c, nil
}

// FormatOf reads the clauses FIELDS and LINES, either of which may be missing.
func FormatOf(fields *ast.FieldsClause, lines *ast.LinesClause) (Format, error) {
	f := Default()
	set := func(dst *string, src *string) {
		if src != nil {
			*dst = *src
		}
	}
	if fields != nil {
		if fields.DefinedNullBy != nil {
			return f, mysqlerr.Syntax("DEFINED", 1)
		}
		set(&f.FieldTerm, fields.Terminated)
		set(&f.Enclosed, fields.Enclosed)
		set(&f.Escaped, fields.Escaped)
		f.OptionallyEnclosed = fields.OptEnclosed
	}
	if lines != nil {
		set(&f.LineStart, lines.Starting)
		set(&f.LineTerm, lines.Terminated)
	}
	return f, f.Check()
}
