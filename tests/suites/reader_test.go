package suites

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func commands(t *testing.T, text string) (list []string) {
	path := filepath.Join(t.TempDir(), "f.test")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, ok := r.next()
		if !ok {
			return list
		}
		if word, rest := c.split(); word == "delimiter" {
			r.delimiter = rest
		} else if word == "perl" {
			r.skipDocument(word, rest)
		}
		list = append(list, c.text)
	}
}

// A file is cut at its delimiters, outside of strings, and at lines of commands.
func TestReader(t *testing.T) {
	got := commands(t, `# a comment; of no meaning
--echo it's one line
SELECT 'a;b', "c;d",
  1;
-- this is no command
if ($x)
{
  eval INSERT INTO t VALUES ($x);
}
delimiter |;
CREATE PROCEDURE p() BEGIN SELECT 1; END|
delimiter ;|
--perl
print "SELECT 2;";
EOF
SELECT 'it\'s';
SELECT 3`)
	want := []string{"echo it's one line", "SELECT 'a;b', \"c;d\",\n  1", "if ($x)", "{", "eval INSERT INTO t VALUES ($x)", "}", "delimiter |",
		"CREATE PROCEDURE p() BEGIN SELECT 1; END", "delimiter ;", "perl", `SELECT 'it\'s'`, "SELECT 3"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDiffer(t *testing.T) {
	rows := func(v ...string) outcome {
		o := outcome{columns: []string{"a"}}
		for _, x := range v {
			o.rows = append(o.rows, []string{x})
		}
		return o
	}
	for _, c := range []struct {
		want, got outcome
		sorted    bool
		masked    []int
		differ    string
	}{
		{rows("1", "2"), rows("2", "1"), true, nil, ""},
		{rows("1", "2"), rows("2", "1"), false, nil, `value a: "2" instead of "1"`},
		{rows("1", "2"), rows("2", "1"), false, []int{0}, ""},
		{rows("1"), rows(), true, nil, "rows: 0 instead of 1"},
		{rows("0.30000000000000004"), rows("0.3"), true, nil, ""},
		{rows("NULL"), rows("0"), true, nil, `value a: "0" instead of "NULL"`},
		{outcome{code: 1146, message: "x"}, outcome{code: 1146, message: "y"}, true, nil, ""},
		{outcome{code: 1146, message: "x"}, outcome{code: 1054, message: "y"}, true, nil, "error 1054 instead of 1146: y | x"},
		{outcome{code: 1146, message: "x"}, rows(), true, nil, "no error 1146: x"},
		{rows(), outcome{code: 1235, message: "y"}, true, nil, "error 1235: y"},
		{outcome{columns: []string{"A"}}, rows(), true, nil, ""},
		{outcome{columns: []string{"b"}}, rows(), true, nil, `heading: ["a"] instead of ["b"]`},
	} {
		if got := differ(c.want, c.got, c.sorted, c.masked); got != c.differ {
			t.Errorf("%+v and %+v: %q, want %q", c.want, c.got, got, c.differ)
		}
	}
}
