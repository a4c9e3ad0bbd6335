package keys

import (
	"fmt"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Duplicate is error 1062 for a full row (positions of t.Columns, storage form) under an index.
func Duplicate(t *schema.Table, ix *schema.Index, row []types.Value, loc *time.Location) *mysqlerr.Error {
	var text []byte
	for i := range ix.Columns {
		if i > 0 {
			text = append(text, '-')
		}
		c := &ix.Columns[i]
		text = appendText(text, types.ToLocal(row[c.Column], loc), &t.Columns[c.Column].Type, c.Prefix)
	}
	return mysqlerr.Newf(mysqlerr.DupEntry, "Duplicate entry '%s' for key '%s.%s'", text, t.Name, ix.Name)
}

// appendText appends a key column as error 1062 shows it: binary strings with unprintable bytes as \xHH.
func appendText(dst []byte, v types.Value, t *types.Type, prefix int) []byte {
	if v.IsNull() {
		return append(dst, "NULL"...)
	}
	start := len(dst)
	if dst = v.AppendText(dst, t); prefix > 0 {
		dst = append(dst[:start], Prefix(dst[start:], prefix, t.IsBinary())...)
	}
	if v.Kind() != types.KindBytes && v.Kind() != types.KindBit {
		return dst
	}
	raw := append([]byte(nil), dst[start:]...)
	dst = dst[:start]
	for _, b := range raw {
		if b < ' ' || b > '~' {
			dst = fmt.Appendf(dst, "\\x%02X", b)
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}
