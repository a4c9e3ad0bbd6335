package textfile

import (
	"bufio"
	"errors"
	"os"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/delimited"
	"cloudsql/planner/syntax"
	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

var _ sql.ResultWriter = (*Writer)(nil)

// Read reads the clause INTO OUTFILE or INTO DUMPFILE.
func Read(clause *dialect.IntoFile, o syntax.Options) (t Target, err error) {
	n, err := syntax.Parse("SELECT 1 "+clause.Clause, o)
	if err != nil {
		return t, err
	}
	sel, ok := n.(*ast.SelectStmt)
	if !ok || sel.SelectIntoOpt == nil {
		return t, mysqlerr.Syntax(clause.Clause, 1)
	}
	into := sel.SelectIntoOpt
	t = Target{Name: into.FileName, Dump: clause.Dump}
	if t.Format, err = delimited.FormatOf(into.FieldsInfo, into.LinesInfo); err == nil {
		t.Format.Charset, err = delimited.FileCharset(clause.Charset)
	}
	return t, err
}

// Target is where SELECT … INTO a file puts its rows: the file's name below Dir, and how it is written.
type Target struct {
	Dir    Dir
	Name   string
	Format delimited.Format
	Dump   bool // INTO DUMPFILE: the values alone, of one row
}

// Writer is a ResultWriter that writes rows to a file.
type Writer struct {
	Target

	file   *os.File
	remove func(bool) error
	out    *bufio.Writer
	lines  *delimited.Writer
	fields []types.Field
	buf    []byte
	rows   int
}

// NewWriter makes one; the file is made when the rows begin.
func NewWriter(t Target) *Writer { return &Writer{Target: t} }

// Rows is how many were written.
func (f *Writer) Rows() int { return f.rows }

// Header makes the file.
func (f *Writer) Header(h *sql.Header) (err error) {
	if f.file, f.remove, err = f.Dir.create(f.Name); err != nil {
		return err
	}
	f.out = bufio.NewWriterSize(f.file, 1<<16)
	f.fields, f.lines = h.Columns, delimited.NewWriter(f.Format, h.Columns)
	return nil
}

// Row writes a row. As in MySQL it is a third row that INTO DUMPFILE does not take (1172).
func (f *Writer) Row(vals []types.Value) error {
	f.buf = f.buf[:0]
	switch {
	case !f.Dump:
		f.buf = f.lines.AppendRow(f.buf, vals)
	case f.rows > 1:
		return mysqlerr.New(mysqlerr.TooManyRows)
	default:
		for i, v := range vals {
			if v.IsNull() {
				f.buf = append(f.buf, 0)
				continue
			}
			f.buf = v.AppendText(f.buf, &f.fields[i].Type)
		}
	}
	f.rows++
	if _, err := f.out.Write(f.buf); err != nil {
		return fileError(mysqlerr.FileWrite, f.Name, err)
	}
	return nil
}

// Done implements sql.ResultWriter.
func (f *Writer) Done(*sql.Outcome) error { return nil }

// Close ends the file after err: synced, or removed.
func (f *Writer) Close(err error) error {
	if f.file == nil {
		return err
	}
	if err == nil {
		if e := f.out.Flush(); e != nil {
			err = fileError(mysqlerr.FileWrite, f.Name, e)
		} else if e := f.file.Sync(); e != nil {
			err = fileError(mysqlerr.FileWrite, f.Name, e)
		}
	}
	if e := f.file.Close(); err == nil && e != nil {
		err = fileError(mysqlerr.FileWrite, f.Name, e)
	}
	return errors.Join(err, f.remove(err != nil))
}

// Warnings tells of separators that LOAD DATA may not find again.
func (f *Writer) Warnings() (list []*mysqlerr.Error) {
	if f.Dump {
		return nil
	}
	if strings.ContainsFunc(f.Format.FieldTerm+f.Format.Enclosed+f.Format.Escaped+f.Format.LineStart+f.Format.LineTerm, func(r rune) bool { return r >= 0x80 }) {
		list = append(list, mysqlerr.New(mysqlerr.NonASCIISeparator))
	}
	if f.Format.Ambiguous() {
		list = append(list, mysqlerr.New(mysqlerr.AmbiguousFieldTerm))
	}
	return list
}
