package dialect

import (
	"strings"

	"cloudsql/storage/mysqlerr"
)

// readLoad reads what of LOAD DATA the parser lacks, and gives it the rest: CONCURRENT, IGNORE n ROWS, and the clauses of LINES in
// any order. LOAD XML and partitions are refused.
func readLoad(st statement) (Statement, error) {
	w := st.words
	switch {
	case w.take("xml"):
		return nil, mysqlerr.NotSupported("LOAD XML")
	case w.take("index"):
		st.words = w
		return readLoadIndex(st)
	case !w.take("data"):
		return nil, nil
	}
	e := editor{text: st.rest}
	for i := 0; i < len(w); i++ {
		switch at := func(k int) string {
			if i+k < 0 || i+k >= len(w) {
				return ""
			}
			return w[i+k].lower
		}; {
		case i == 0 && at(0) == "concurrent":
			e.put(w[0].at, w[0].at+len(w[0].raw), "")
		case at(0) == "ignore" && (at(2) == "rows" || at(2) == "lines"):
			e.put(w[i+2].at, w[i+2].at+len(w[i+2].raw), "LINES")
			i += 2
		case at(-2) == "table" && at(0) == "partition" || at(-4) == "table" && at(-2) == "." && at(0) == "partition":
			return nil, mysqlerr.NotSupported("PARTITION in a data change")
		case at(0) == "format" || at(0) == "defined" && at(1) == "null", at(0) == "with" && i+1 < len(w):
			return nil, mysqlerr.SyntaxAt(st.text, len(st.text)-len(st.rest)+w[i].at)
		case at(0) == "set":
			i = len(w) // what follows are expressions
		case at(0) == "lines" && at(1) == "terminated" && at(2) == "by" && at(4) == "starting" && at(5) == "by" && i+6 < len(w):
			term := st.rest[w[i+1].at : w[i+3].at+len(w[i+3].raw)]
			start := st.rest[w[i+4].at : w[i+6].at+len(w[i+6].raw)]
			e.put(w[i+1].at, w[i+6].at+len(w[i+6].raw), start+" "+term)
			i += 6
		}
	}
	if !e.changed {
		return nil, nil
	}
	return Instead{"LOAD" + e.done()}, nil
}

// editor replaces parts of a text, from its beginning to its end.
type editor struct {
	text    string
	out     strings.Builder
	at      int
	changed bool
}

func (e *editor) put(from, to int, with string) {
	if e.text[from:to] == with {
		return
	}
	e.out.WriteString(e.text[e.at:from])
	e.out.WriteString(with)
	e.at, e.changed = to, true
}

func (e *editor) done() string {
	e.out.WriteString(e.text[e.at:])
	return e.out.String()
}
