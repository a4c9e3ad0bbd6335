package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// The statements of HANDLER.
type (
	// OpenHandler is HANDLER t OPEN [AS name].
	OpenHandler struct {
		Table *ast.TableName
		Name  string
	}
	// ReadHandler is HANDLER name READ [index] ….
	ReadHandler struct {
		Name   string
		Index  string // "": the rows in their own order
		Move   string // "FIRST", "NEXT", "PREV", "LAST", or a comparison with Values: "=", "<", "<=", ">", ">="
		Values string // as they stand in their parentheses
		Tail   string // WHERE … LIMIT …
	}
	// CloseHandler is HANDLER name CLOSE.
	CloseHandler struct{ Name string }
)

func readHandler(st statement) (Statement, error) {
	t, ok := st.tableName()
	switch {
	case !ok:
	case st.take("open"):
		return st.openHandler(t)
	case t.Schema.O != "":
	case st.take("read"):
		return st.readHandler(t.Name.O)
	case len(st.words) == 1 && st.take("close"):
		return CloseHandler{t.Name.O}, nil
	}
	return nil, st.syntaxError()
}

func (st statement) openHandler(t *ast.TableName) (Statement, error) {
	n, ok := OpenHandler{t, t.Name.O}, true
	if st.take("as") || len(st.words) > 0 {
		n.Name, ok = st.ident()
	}
	if !ok || len(st.words) > 0 {
		return nil, st.syntaxError()
	}
	return n, nil
}

func (st statement) readHandler(name string) (Statement, error) {
	n, ok := ReadHandler{Name: name}, false
	if n.Move, ok = st.oneOf([]string{"FIRST", "NEXT"}); !ok {
		if n.Index, ok = st.ident(); !ok {
			return nil, st.syntaxError()
		}
		if n.Move, ok = st.oneOf([]string{"FIRST", "NEXT", "PREV", "LAST"}); !ok {
			n.Move = st.comparison()
			if n.Values, ok = st.parenthesised(); !ok || n.Move == "" || strings.TrimSpace(n.Values) == "" {
				return nil, st.syntaxError()
			}
		}
	}
	if len(st.words) > 0 {
		if first := st.words[0].lower; first != "where" && first != "limit" {
			return nil, st.syntaxError()
		}
		n.Tail = st.rest[st.words[0].at:]
	}
	return n, nil
}

func (w *words) comparison() string {
	for _, signs := range [...][]string{{"<", "="}, {">", "="}, {"<"}, {">"}, {"="}} {
		if w.take(signs...) {
			return strings.Join(signs, "")
		}
	}
	return ""
}

// parenthesised takes what stands in parentheses.
func (st *statement) parenthesised() (text string, ok bool) {
	if len(st.words) == 0 {
		return "", false
	}
	from := st.words[0].at
	to := st.words.list()
	if to == 0 {
		return "", false
	}
	return st.rest[from+1 : to-1], true
}
