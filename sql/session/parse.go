package session

import (
	"context"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/sql"
	"cloudsql/sql/assign"
	"cloudsql/sql/privilege"
	"cloudsql/sql/status"
)

// parsed is a statement that was read: as a syntax tree, or, where the parser does not know it, as what it does.
type parsed struct {
	text         string
	node         ast.StmtNode
	run          func(ctx context.Context, s *Session, w sql.ResultWriter) error
	needs        func(s *Session) ([]privilege.Need, error) // of run: privileges
	kind         status.Kind
	params       int
	maxExecution int64            // of the hint MAX_EXECUTION_TIME, milliseconds; 0: none
	hints        []ast.HintSetVar // SET_VAR
	keepConds    bool             // SHOW WARNINGS and kin
	noPrepare    bool             // 1295 in the prepared statement protocol
}

// diagnostic tells whether the statement is about the conditions of the one before.
func (p *parsed) diagnostic() bool {
	if show, ok := p.node.(*ast.ShowStmt); ok {
		return show.Tp == ast.ShowWarnings || show.Tp == ast.ShowErrors
	}
	return p.keepConds
}

// parse reads one statement. Errors: 1065 for an empty one, 1064, and what the parser finds wrong with names.
func (s texts) parse(text string) (*parsed, error) {
	if st, err := s.recognise(text); st != nil || err != nil {
		return st, err
	}
	return s.read(text)
}

// read is parse of a text that is left to the parser.
func (s texts) read(text string) (*parsed, error) {
	if err := s.chargeTree(text); err != nil {
		return nil, err
	}
	node, err := syntax.Parse(text, syntax.Options{Mode: s.vars.SQLMode, Charset: s.vars.Collation.Charset(), Collation: s.vars.Collation.Name()})
	if err != nil {
		if st, e := s.parseIntoVars(text); st != nil || e != nil {
			return st, e
		}
		return nil, err
	}
	if set, ok := node.(*ast.SetStmt); ok {
		renameCharacteristics(set, text)
	}
	st := &parsed{text: text, node: node, kind: status.Of(node)}
	st.params = numberParams(node)
	st.maxExecution, st.hints = executionHint(node), assign.HintsOf(node)
	return st, nil
}

// renameCharacteristics gives what the parser makes of SET SESSION TRANSACTION its name in MySQL 8.0. It uses the names
// of MySQL 5.7, by which no user may set them any more.
func renameCharacteristics(n *ast.SetStmt, text string) {
	if strings.Contains(strings.ToLower(text), "tx_") {
		return
	}
	for _, v := range n.Variables {
		switch v.Name {
		case "tx_isolation":
			v.Name = "transaction_isolation"
		case "tx_read_only":
			v.Name = "transaction_read_only"
		}
	}
}

// numberParams gives each ? of a statement its place in the order of the text, and counts them.
func numberParams(n ast.StmtNode) int {
	if strings.IndexByte(n.Text(), '?') < 0 {
		return 0
	}
	return bind.NumberParams(n)
}

// executionHint finds MAX_EXECUTION_TIME(n) among a query's hints.
func executionHint(n ast.StmtNode) int64 {
	sel, ok := n.(*ast.SelectStmt)
	if !ok {
		return 0
	}
	for _, h := range sel.TableHints {
		if h.HintName.L == "max_execution_time" {
			if ms, ok := h.HintData.(uint64); ok {
				return int64(ms) //nolint:gosec // milliseconds
			}
		}
	}
	return 0
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
