package maintain

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/show"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Checksum is CHECKSUM TABLE: the sum of each table's rows, which query reads. No table keeps one for QUICK. What is wrong with one
// table goes to note.
func Checksum(ctx context.Context, env *Env, n *dialect.ChecksumTables,
	query func(ctx context.Context, q *ast.SelectStmt, w sql.ResultWriter) error, note func(*mysqlerr.Error)) (*show.Result, error) {
	res := &show.Result{Fields: []types.Field{show.TextField("Table", 128), {Name: "Checksum", Type: types.TypeInt}}}
	for _, name := range n.Tables {
		db, err := env.DBOf(name.Schema.O)
		if err != nil {
			return nil, err
		}
		sum, found := types.Null, rowsChecksum{}
		t, ok := env.DB.Catalog().Table(db, name.Name.O)
		switch _, view := env.DB.Catalog().View(db, name.Name.O); {
		case view:
			err = mysqlerr.New(mysqlerr.WrongObject, db, name.Name.O, "BASE TABLE")
		case !ok:
			err = mysqlerr.New(mysqlerr.NoSuchTable, db, name.Name.O)
		case !n.Quick:
			if err = query(ctx, rowsOf(db, t), &found); err == nil {
				sum = types.Int(int64(found.sum))
			}
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			note(mysqlerr.From(err))
		}
		res.Rows = append(res.Rows, []types.Value{types.Str(db + "." + name.Name.O), sum})
	}
	return res, nil
}

// rowsOf is the query for all of a table's rows with all of their columns.
func rowsOf(db string, t *schema.Table) *ast.SelectStmt {
	q := tree.All(db, t.Name)
	q.Fields.Fields = nil
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Hidden {
			field := &ast.SelectField{Expr: &ast.ColumnNameExpr{Name: &ast.ColumnName{Name: ast.NewCIStr(c.Name)}}}
			q.Fields.Fields = append(q.Fields.Fields, field)
		}
	}
	return q
}

// rowsChecksum sums up the rows of a result, so that their order is nothing to it.
type rowsChecksum struct {
	types []types.Type
	buf   []byte
	sum   uint32
}

// Header implements sql.ResultWriter. A query that is run again begins anew.
func (c *rowsChecksum) Header(h *sql.Header) error {
	c.types, c.sum = c.types[:0], 0
	for i := range h.Columns {
		c.types = append(c.types, h.Columns[i].Type)
	}
	return nil
}

// Row implements sql.ResultWriter.
func (c *rowsChecksum) Row(vals []types.Value) error {
	row := uint32(0)
	for i, v := range vals {
		c.buf = append(c.buf[:0], 0)
		if !v.IsNull() {
			c.buf = v.AppendText(append(c.buf[:0], 1, 0, 0, 0, 0), &c.types[i])
			binary.LittleEndian.PutUint32(c.buf[1:], uint32(len(c.buf))) //nolint:gosec // a value's length
		}
		row = crc32.Update(row, crc32.IEEETable, c.buf)
	}
	c.sum += row
	return nil
}

// Done implements sql.ResultWriter.
func (c *rowsChecksum) Done(*sql.Outcome) error { return nil }
