package sqllogic

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestLimits meets each limit of MySQL's on how much there may be of a thing, from both sides.
func TestLimits(t *testing.T) {
	db := harness.NewNode(t).Start().DB("", "multiStatements=true")
	many := func(n int, format string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(list, ", ")
	}
	for _, c := range []struct {
		sql  string
		code uint16 // 0 for none
	}{
		{"CREATE DATABASE l", 0},
		{"CREATE TABLE l.t (a INT)", 0},
		{"CREATE TABLE l.c (" + many(1017, "c%d INT") + ")", 0},
		{"CREATE TABLE l.d (" + many(1018, "c%d INT") + ")", 1117},
		{"CREATE TABLE l.d (" + many(4097, "c%d INT") + ")", 1117},
		{"ALTER TABLE l.c ADD COLUMN x INT", 1117},
		{"SELECT 1 FROM " + many(61, "l.t t%d"), 0},
		{"SELECT 1 FROM " + many(62, "l.t t%d"), 1116},
		{"SELECT 1 FROM l.t WHERE a IN (SELECT t0.a FROM " + many(62, "l.t t%d") + ")", 1116},
		{"SELECT 1 FROM " + strings.ReplaceAll(many(62, "(l.t t%d)"), ",", " JOIN"), 1116},
		{"SELECT 1 FROM " + many(31, "l.t t%d") + ", (SELECT 1 FROM " + many(31, "l.t t%d") + ") AS d", 0},
		{"UPDATE " + many(62, "l.t t%d") + " SET t0.a = 1", 1116},
		{"DELETE t0 FROM " + many(62, "l.t t%d"), 1116},
		{"PREPARE p FROM 'SELECT 1 IN (1" + strings.Repeat(",?", 65535) + ")'", 0},
		{"PREPARE p FROM 'SELECT 1 IN (1" + strings.Repeat(",?", 65536) + ")'", 1390},
		{"CREATE DATABASE " + strings.Repeat("n", 64), 0},
		{"CREATE DATABASE " + strings.Repeat("n", 65), 1059},
		{"SELECT 1 FROM l." + strings.Repeat("n", 65), 1059},
	} {
		_, err := db.Exec(c.sql)
		var e *mysql.MySQLError
		switch {
		case c.code == 0 && err != nil, c.code != 0 && (!errors.As(err, &e) || e.Number != c.code):
			t.Errorf("%.60s…: %v, expected %d", c.sql, err, c.code)
		}
	}
}
