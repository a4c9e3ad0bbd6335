package sqllogic

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestLocalInfile is LOAD DATA LOCAL from a driver: many batches, an error in the middle, KILL QUERY while the client sends.
func TestLocalInfile(t *testing.T) {
	n := harness.NewNode(t).Start()
	db := n.DB("", "")
	must := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	must("SET GLOBAL local_infile = ON")
	must("CREATE DATABASE d")
	must("CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(20))")
	count := func() (rows int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM d.t").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	lines := func(from, to int) io.Reader {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "%d\tline %d\n", i, i)
		}
		return strings.NewReader(b.String())
	}
	load := func(in io.Reader) error {
		mysql.RegisterReaderHandler("rows", func() io.Reader { return in })
		defer mysql.DeregisterReaderHandler("rows")
		_, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::rows' REPLACE INTO TABLE d.t")
		return err
	}
	if err := load(lines(0, 25_000)); err != nil || count() != 25_000 {
		t.Fatal(err, count())
	}
	// \N and what the line does not have make an ENUM's value without a number, and not its first element.
	must("CREATE TABLE d.e (id INT PRIMARY KEY, e ENUM('x','y') NOT NULL)")
	mysql.RegisterReaderHandler("nulls", func() io.Reader { return strings.NewReader("1\t\\N\n2\n") })
	defer mysql.DeregisterReaderHandler("nulls")
	must("LOAD DATA LOCAL INFILE 'Reader::nulls' IGNORE INTO TABLE d.e")
	var elements string
	if err := db.QueryRow("SELECT GROUP_CONCAT(e + 0) FROM d.e").Scan(&elements); err != nil || elements != "0,0" {
		t.Fatal(err, elements)
	}
	// A statement that fails in the middle of the file leaves nothing, and the client has its error.
	var e *mysql.MySQLError
	if err := load(io.MultiReader(lines(25_000, 40_000), strings.NewReader("nonsense\tx\n"), lines(40_000, 60_000))); !errors.As(err, &e) || e.Number != 1366 {
		t.Fatal(err)
	}
	if got := count(); got != 25_000 {
		t.Fatalf("%d rows", got)
	}
	endless := &endless{}
	failed := make(chan error, 1)
	go func() { failed <- load(endless) }()
	harness.Eventually(t, 30*time.Second, "the process list tells of the rows", func() error {
		var id int
		return db.QueryRow("SELECT id FROM information_schema.processlist WHERE state LIKE 'Reading file: %0 rows'").Scan(&id)
	})
	var id int
	if err := db.QueryRow("SELECT id FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%'").Scan(&id); err != nil {
		t.Fatal(err)
	}
	must(fmt.Sprintf("KILL QUERY %d", id))
	endless.stop.Store(true)
	if err := <-failed; !errors.As(err, &e) || e.Number != 1317 {
		t.Fatal(err)
	}
	if got := count(); got != 25_000 {
		t.Fatalf("%d rows", got)
	}
}

// endless gives the same few rows until it is stopped.
type endless struct {
	n    int
	stop atomic.Bool
}

func (e *endless) Read(b []byte) (int, error) {
	if e.stop.Load() {
		return 0, io.EOF
	}
	e.n = (e.n + 1) % 1000
	return copy(b, fmt.Sprintf("%d\tagain\n", e.n)), nil
}

// TestInfileParents: rows that LOAD DATA brings have parents.
func TestInfileParents(t *testing.T) {
	db := harness.NewNode(t).Start().DB("", "")
	for _, statement := range []string{
		"SET GLOBAL local_infile = ON", "CREATE DATABASE d", "CREATE TABLE d.p (id INT PRIMARY KEY)", "INSERT INTO d.p VALUES (1)",
		"CREATE TABLE d.c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES d.p (id))",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(statement, err)
		}
	}
	load := func(words, table, text string) error {
		mysql.RegisterReaderHandler("parents", func() io.Reader { return strings.NewReader(text) })
		defer mysql.DeregisterReaderHandler("parents")
		_, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::parents' " + words + " INTO TABLE d." + table)
		return err
	}
	var e *mysql.MySQLError
	if err := load("REPLACE", "c", "1\t1\n2\t7\n"); !errors.As(err, &e) || e.Number != 1452 {
		t.Errorf("a row without its parent: %v", err)
	}
	if err := load("IGNORE", "c", "1\t1\n2\t7\n"); err != nil {
		t.Error(err)
	}
	var got string
	if err := db.QueryRow("SELECT GROUP_CONCAT(id ORDER BY id) FROM d.c").Scan(&got); err != nil || got != "1" {
		t.Errorf("%s (%v)", got, err)
	}
}

// TestInfileIntoViews: LOAD DATA fills the tables behind views, within their CHECK OPTION, and none of joins.
func TestInfileIntoViews(t *testing.T) {
	db := harness.NewNode(t).Start().DB("", "")
	for _, statement := range []string{
		"SET GLOBAL local_infile = ON", "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, n INT DEFAULT 7)",
		"CREATE VIEW d.all_rows AS SELECT n AS m, id FROM d.t", "CREATE VIEW d.small AS SELECT * FROM d.t WHERE id < 10 WITH CHECK OPTION",
		"CREATE VIEW d.computed AS SELECT id, n + 1 AS x FROM d.t", "CREATE VIEW d.joined AS SELECT a.id FROM d.t a, d.t b", "CREATE VIEW d.grouped AS SELECT id FROM d.t GROUP BY id",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(statement, err)
		}
	}
	for _, c := range []struct {
		words, into, text string
		want              uint16
		rows              string
	}{
		{"", "all_rows", "5\t1\n", 0, "1-5"},
		{"", "all_rows (id) SET m = id * 2", "2\n", 0, "1-5,2-4"},
		{"REPLACE", "all_rows", "6\t1\n", 0, "1-6,2-4"},
		{"", "small", "10\t1\n", 0, "1-6,2-4"}, // LOCAL is IGNORE
		{"IGNORE", "small", "10\t1\n3\t1\n", 0, "1-6,2-4,3-1"},
		{"", "small (id) SET n = 4 + id", "4\n", 0, "1-6,2-4,3-1,4-8"},
		{"", "computed (id)", "5\n", 0, "1-6,2-4,3-1,4-8,5-7"},
		{"", "computed (id, x)", "6\t1\n", 1348, "1-6,2-4,3-1,4-8,5-7"},
		{"", "computed", "6\t1\n", 1348, "1-6,2-4,3-1,4-8,5-7"},
		{"", "joined (id)", "6\n", 1221, "1-6,2-4,3-1,4-8,5-7"},
		{"", "grouped", "6\n", 1288, "1-6,2-4,3-1,4-8,5-7"},
	} {
		mysql.RegisterReaderHandler("views", func() io.Reader { return strings.NewReader(c.text) })
		_, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::views' " + c.words + " INTO TABLE d." + c.into)
		var e *mysql.MySQLError
		if errors.As(err, &e); c.want == 0 && err != nil || c.want != 0 && (e == nil || e.Number != c.want) {
			t.Errorf("%s: %v", c.into, err)
		}
		var rows string
		if err := db.QueryRow("SELECT GROUP_CONCAT(id, '-', n ORDER BY id) FROM d.t").Scan(&rows); err != nil || rows != c.rows {
			t.Errorf("%s: %s (%v)", c.into, rows, err)
		}
	}
	mysql.DeregisterReaderHandler("views")
}
