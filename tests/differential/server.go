package differential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"
)

// Server is a connection to one of the two.
type Server struct {
	conn *client.Conn
	// MariaDB has to be told more: it keeps the warnings of the last statement that had a table, and cuts fractions of a second
	// unless its sql_mode says otherwise.
	MariaDB bool
	warned  bool         // the last statement has warnings
	stmt    *client.Stmt // to be closed when its warnings have been asked for
}

// sqlMode is MySQL 8.0's default, for both.
const sqlMode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// Connect connects, makes both servers' sessions alike, and the database anew.
func Connect(dsn, db string, mariaDB bool) (*Server, error) {
	c, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	s := &Server{MariaDB: mariaDB}
	if s.conn, err = client.Connect(c.Addr, c.User, c.Passwd, ""); err != nil {
		return nil, err
	}
	for _, q := range []string{
		"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "SET sql_mode = '" + sqlMode + "'", "SET time_zone = '+00:00'", "SET timestamp = 1718451296",
		"DROP DATABASE IF EXISTS " + db, "CREATE DATABASE " + db + " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "USE " + db,
	} {
		if _, err := s.conn.Execute(s.dialect(q)); err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	return s, nil
}

// dialect is a statement as the server is to be told it.
func (s *Server) dialect(q string) string {
	if s.MariaDB && strings.HasPrefix(q, "SET sql_mode = '") {
		return strings.TrimSuffix(q, "'") + ",TIME_ROUND_FRACTIONAL'"
	}
	return q
}

// Answer is what a server said of a statement.
type Answer struct {
	Err      uint16 // number of its error, 0 for none
	Message  string
	Affected uint64
	Names    []string // of its columns
	Types    []string // of its columns, by class
	Meta     []string // type, length, decimals, flags and character set of those that are a table's columns
	Rows     []string // columns divided by |
	Warnings []string // their levels and numbers, without notes, each once
	Notes    []string // but MariaDB's own of JSON texts, 4036 to 4042
	warned   bool
	sql      string // what was asked, for those who explain
}

// Ask sends a statement, as text or to be prepared and executed in the binary protocol. An error is one of the connection.
func (s *Server) Ask(q string, ordered, binary bool) (Answer, error) {
	if s.stmt != nil {
		if err := s.stmt.Close(); err != nil {
			return Answer{}, err
		}
		s.stmt = nil
	}
	if s.MariaDB && s.warned {
		if _, err := s.conn.Execute("SELECT 1 FROM information_schema.SCHEMATA LIMIT 0"); err != nil {
			return Answer{}, err
		}
	}
	s.warned = true
	send := s.text
	if binary {
		send = s.prepared
	}
	a, err := s.rows(s.dialect(q), send)
	var e *mysql.MyError
	if errors.As(err, &e) {
		return Answer{Err: e.Code, Message: e.Message}, nil
	}
	if err != nil {
		return a, err
	}
	if !ordered {
		slices.Sort(a.Rows)
	}
	if s.warned = a.warned; !a.warned {
		return a, nil
	}
	warnings, err := s.rows("SHOW WARNINGS", s.text)
	for _, w := range warnings.Rows {
		parts := strings.Split(w, "|")
		into := &a.Warnings
		if parts[0] == "Note" {
			into = &a.Notes
		}
		if n := parts[1]; n >= "4036" && n <= "4042" {
			continue
		}
		if !slices.Contains(*into, parts[1]) {
			*into = append(*into, parts[1])
		}
	}
	slices.Sort(a.Warnings)
	slices.Sort(a.Notes)
	return a, err
}

func (s *Server) text(q string) (*mysql.Result, error) { return s.conn.Execute(q) }

// prepared has a statement prepared, and executes it without parameters.
func (s *Server) prepared(q string) (*mysql.Result, error) {
	stmt, err := s.conn.Prepare(q)
	if err != nil {
		return nil, err
	}
	s.stmt = stmt
	return stmt.Execute()
}

func (s *Server) rows(q string, send func(string) (*mysql.Result, error)) (a Answer, err error) {
	r, err := send(q)
	if err != nil {
		return a, err
	}
	a.Affected, a.warned = r.AffectedRows, r.Warnings > 0
	if r.Resultset == nil || len(r.Fields) == 0 {
		return a, nil
	}
	a.Affected = 0
	for _, f := range r.Fields {
		a.Names, a.Types, a.Meta = append(a.Names, string(f.Name)), append(a.Types, class(f)), append(a.Meta, meta(q, f))
	}
	for _, values := range r.Values {
		parts := make([]string, len(values))
		for i, v := range values {
			if parts[i] = "NULL"; v.Type != mysql.FieldValueTypeNull {
				parts[i] = normal(a.Types[i], textOf(v))
			}
		}
		a.Rows = append(a.Rows, strings.Join(parts, "|"))
	}
	return a, nil
}

func textOf(v mysql.FieldValue) string {
	switch x := v.Value().(type) {
	case []byte:
		return string(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	default:
		return fmt.Sprint(x)
	}
}

// class is what a type is as far as the two agree on the types of expressions.
func class(f *mysql.Field) string {
	switch f.Type {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_YEAR:
		return "INT"
	case mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_DOUBLE:
		return "DOUBLE"
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return "DECIMAL"
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		return "DATE"
	case mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_DATETIME2:
		return "DATETIME"
	case mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIMESTAMP2:
		return "TIMESTAMP"
	case mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_TIME2:
		return "TIME"
	case mysql.MYSQL_TYPE_NULL:
		return "NULL"
	case mysql.MYSQL_TYPE_BIT:
		return "BIT"
	}
	return "TEXT"
}

// plain are queries of one table, without temporary tables in which MariaDB loses flags.
var plain = regexp.MustCompile(`^(TABLE|SELECT (\*|q\.\*|q\.id, .*) FROM) [abcr]\d* [^()]*ORDER BY (q\.)?id( LIMIT.*)?$`)

// meta is all that is said of a table's column, and of an expression nothing. JSON is text in MariaDB, and it has a flag for itself.
func meta(q string, f *mysql.Field) string {
	if len(f.OrgName) == 0 || strings.HasPrefix(string(f.OrgName), "js") || !plain.MatchString(q) || strings.Contains(q, " OVER ") || strings.Count(q, "SELECT") > 1 {
		return ""
	}
	flags := f.Flag &^ 0x8000
	if f.Type == mysql.MYSQL_TYPE_TIMESTAMP {
		flags &^= mysql.UNSIGNED_FLAG // MariaDB's alone
	}
	return fmt.Sprintf("type %d length %d decimals %d flags %x charset %d of %s.%s", f.Type, f.ColumnLength, f.Decimal, flags, f.Charset, f.Table, f.OrgName)
}

// normal is a value in one form: doubles to twelve digits, without the sign of zero; JSON as MySQL writes it.
func normal(class, text string) string {
	switch {
	case class == "DOUBLE":
		if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f+0, 'g', 12, 64)
		}
	case class == "TEXT" && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")):
		var v any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&v) == nil && !d.More() {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if e.Encode(v) == nil {
				return strings.TrimSpace(b.String())
			}
		}
	}
	return text
}
