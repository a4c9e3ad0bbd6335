package syntax

import (
	"testing"

	"cloudsql/storage/mysqlerr"
)

// TestSpellings: forms that the parser lacks are read, and nothing else is because of them.
func TestSpellings(t *testing.T) {
	for text, want := range map[string]uint16{
		"select * from a natural inner join b":                              0,
		"select * from a natural /* x */ INNER join b natural inner join c": 0,
		"select 'natural inner join' from a natural":                        mysqlerr.Parse,
		"create table t (select 1 a)":                                       0,
		"create table if not exists d.t ((select 1) union (select 2))":      0,
		"create temporary table t (with c as (select 1) select * from c)":   0,
		"create table t (select 1 a) except (select 2)":                     0,
		"create table t (select int)":                                       mysqlerr.Parse,
		"create table t (a int (select 1))":                                 mysqlerr.Parse,
		"set binlog_format = row":                                           0,
		"set global binlog_format=ROW, @a = 1, delay_key_write = all;":      0,
		"set a = row(1,":                                          mysqlerr.Parse,
		"select a sounds like b from t":                           0,
		"select 'mood' sounds like 'mud', a not in (1) from t":    0,
		"select a sounds like (b) | 1 = c, 1 = a sounds like - b": 0,
		"select a sounds like b in (1)":                           mysqlerr.Parse,
		"set @a = 'x' sounds like 'y'":                            0,
		"select a sounds like b from json_table('[]', '$' columns (b int path '$')) j natural inner join t": 0,
		"select a not sounds like b":                                             mysqlerr.Parse,
		"select a sounds like b sounds like c":                                   mysqlerr.Parse,
		"select a sounds b":                                                      mysqlerr.Parse,
		"select 1 group by 1 having 1":                                           0,
		"select (select 0 group by a having (select a)) from t group by a":       0,
		"select extract(day from a) group by 1 having 1 union select 2 having 1": 0,
		"select 1 group by":                                                      mysqlerr.Parse,
		"kill query @id":                                                         0,
		"kill @a + 1":                                                            0,
		"kill connection (select max(id) from p)":                                0,
		"kill query":                                                             mysqlerr.Parse,
		"kill 1 2":                                                               mysqlerr.Parse,
		"kill a, b":                                                              mysqlerr.Parse,
	} {
		n, err := Parse(text, Options{})
		if want == 0 && (err != nil || n.Text() != text) || want != 0 && mysqlerr.Code(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
