package differential

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server is a connection to one of the two.
type Server struct {
	conn *sql.Conn
	// Before is sent before each statement: MariaDB keeps the warnings of the last one that had a table.
	Before string
}

// sqlMode is MySQL 8.0's default, for both.
const sqlMode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// Connect connects, and makes both servers' sessions alike.
func Connect(ctx context.Context, dsn string) (*Server, error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{conn: conn}
	for _, q := range []string{
		"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "SET sql_mode = '" + sqlMode + "'", "SET time_zone = '+00:00'",
		"DROP DATABASE IF EXISTS diff", "CREATE DATABASE diff DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "USE diff",
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	return s, nil
}

// Answer is what a server said of a statement.
type Answer struct {
	Err      uint16 // number of its error, 0 for none
	Message  string
	Names    []string // of its columns
	Types    []string // of its columns, by class
	Rows     []string // columns divided by |
	Warnings []string // their numbers, each once
}

// Ask sends a statement. An error is one of the connection.
func (s *Server) Ask(ctx context.Context, q string, ordered bool) (Answer, error) {
	if s.Before != "" {
		if _, err := s.conn.ExecContext(ctx, s.Before); err != nil {
			return Answer{}, err
		}
	}
	a, err := s.rows(ctx, q)
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return Answer{Err: e.Number, Message: e.Message}, nil
	}
	if err != nil {
		return a, err
	}
	if !ordered {
		slices.Sort(a.Rows)
	}
	warnings, err := s.rows(ctx, "SHOW WARNINGS")
	for _, w := range warnings.Rows {
		if parts := strings.Split(w, "|"); parts[0] != "Note" && !slices.Contains(a.Warnings, parts[1]) {
			a.Warnings = append(a.Warnings, parts[1])
		}
	}
	slices.Sort(a.Warnings)
	return a, err
}

func (s *Server) rows(ctx context.Context, q string) (a Answer, err error) {
	rows, err := s.conn.QueryContext(ctx, q)
	if err != nil {
		return a, err
	}
	defer func() { _ = rows.Close() }()
	cols, err := rows.ColumnTypes()
	if err != nil {
		return a, err
	}
	values, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
	for i, c := range cols {
		a.Names, a.Types = append(a.Names, c.Name()), append(a.Types, class(c.DatabaseTypeName()))
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return a, err
		}
		parts := make([]string, len(values))
		for i, v := range values {
			if parts[i] = "NULL"; v.Valid {
				parts[i] = normal(a.Types[i], v.String)
			}
		}
		a.Rows = append(a.Rows, strings.Join(parts, "|"))
	}
	return a, rows.Err()
}

// class is what a type is as far as the two agree on the types of expressions.
func class(name string) string {
	switch n := strings.TrimPrefix(name, "UNSIGNED "); n {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR":
		return "INT"
	case "FLOAT", "DOUBLE":
		return "DOUBLE"
	case "CHAR", "VARCHAR", "TEXT", "LONGTEXT", "MEDIUMTEXT", "TINYTEXT", "BLOB", "LONGBLOB", "MEDIUMBLOB", "TINYBLOB", "BINARY", "VARBINARY":
		return "TEXT"
	default:
		return n
	}
}

// normal is a value in one form: doubles to twelve digits, without the sign of zero.
func normal(class, text string) string {
	if class != "DOUBLE" {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return text
	}
	return strconv.FormatFloat(f+0, 'g', 12, 64)
}
