package conversion

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Assign converts v for storing into a column of type t, as INSERT and UPDATE do: range, length, truncation and
// invalid values are errors in strict mode (1264, 1406, 1265, 1366, 1292 …, naming the column and the 1-based row) and
// warnings otherwise. The result is in storage form (a TIMESTAMP column gets KindTimestamp). NULL passes through.
// A nil m is the default sql_mode without a session: not strict, UTC. The result may share v's bytes, and t's.
func Assign(v types.Value, t *types.Type, column string, row int, m *types.Mode, warn types.Warner) (types.Value, error) {
	kind, raw := v.Parts()
	if kind == types.KindNull {
		return v, nil
	}
	if m == nil {
		m = anyDate
	}
	a := assignment{v: v, kind: kind, raw: raw, t: t, column: column, row: row, mode: m, warner: warn}
	if (kind == types.KindBytes || kind == types.KindBit) && hasCharset(t) && !m.Legacy {
		if err := a.decode(); err != nil {
			return types.Null, err
		}
	}
	switch t.Class() {
	case types.ClassInt:
		if t.ID == mysql.TypeYear {
			return a.year()
		}
		return a.integer()
	case types.ClassFloat:
		return a.float()
	case types.ClassDecimal:
		return a.decimal()
	case types.ClassString:
		if t.Collation == collation.Binary {
			return a.bytes()
		}
		return a.text()
	case types.ClassDate:
		return a.date()
	case types.ClassDatetime:
		return a.datetime()
	case types.ClassTime:
		return a.time()
	case types.ClassJSON:
		return a.json()
	case types.ClassEnum:
		return a.enum()
	case types.ClassSet:
		return a.set()
	case types.ClassBit:
		return a.bit()
	}
	return v, nil
}

// anyDate is the mode without a session: what has the form of a date is one.
var anyDate = &types.Mode{}

// assignment is one Assign under way.
type assignment struct {
	v      types.Value
	kind   types.Kind // v's, and its bytes
	raw    []byte
	t      *types.Type
	column string
	row    int
	mode   *types.Mode
	warner types.Warner
}

// problem reports bad data: an error in strict mode, else a warning with which nearest is stored.
func (a *assignment) problem(e *mysqlerr.Error, nearest types.Value) (types.Value, error) {
	if a.mode.Strict {
		return types.Null, e
	}
	if a.warner != nil {
		a.warner(e.Code, e.Message)
	}
	return nearest, nil
}

// note reports what is never an error: a fraction rounded, spaces or a time of day cut off.
func (a *assignment) note() {
	if a.warner != nil {
		a.warner(mysql.WarnDataTruncated|types.Note, a.truncated().Message)
	}
}

// outOfRange is 1264: Out of range value for column 'c' at row 1.
func (a *assignment) outOfRange() *mysqlerr.Error {
	return mysqlerr.New(mysqlerr.WarnDataOutOfRange, a.column, a.row)
}

// truncated is 1265: Data truncated for column 'c' at row 1.
func (a *assignment) truncated() *mysqlerr.Error {
	return mysqlerr.New(mysql.WarnDataTruncated, a.column, a.row)
}

// tooLong is 1406: Data too long for column 'c' at row 1.
func (a *assignment) tooLong() *mysqlerr.Error {
	return mysqlerr.New(mysqlerr.DataTooLong, a.column, a.row)
}

// incorrect is 1366: Incorrect integer value: 'abc' for column 'c' at row 1.
func (a *assignment) incorrect(what, text string) *mysqlerr.Error {
	return mysqlerr.New(mysqlerr.TruncatedWrongValueForField, what, text, a.column, a.row)
}

// shown is the value as error messages quote it.
func (a *assignment) shown() string {
	var buf [64]byte
	return collation.Printable(a.v.AppendText(buf[:0], nil), 128)
}
