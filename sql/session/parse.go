package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/syntax"
	"cloudsql/sql"
	"cloudsql/sql/assign"
	"cloudsql/sql/dialect"
	"cloudsql/sql/privilege"
	"cloudsql/sql/status"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
)

// parsed is a statement that was read: as a syntax tree, or, where the parser does not know it, as what it does.
type parsed struct {
	text         string
	node         ast.StmtNode
	run          func(ctx context.Context, s *Session, w sql.ResultWriter) error
	needs        func(s *Session) ([]privilege.Need, error) // of run: privileges
	kind         status.Kind
	params       int
	maxExecution int64             // of the hint MAX_EXECUTION_TIME, milliseconds; 0: none
	hints        []ast.HintSetVar  // SET_VAR
	ofHints      []*mysqlerr.Error // what is to be said of the others
	hintNames    []tree.NamedByHint
	deprecated   []*mysqlerr.Error // what is to be said of its words, of a query or a change of rows
	grants       dialect.Grants    // the clauses that were taken out of a GRANT or REVOKE
	passwords    dialect.Passwords // and out of CREATE USER, ALTER USER and SET PASSWORD
	keepConds    bool              // SHOW WARNINGS and kin
	noPrepare    bool              // 1295 in the prepared statement protocol
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
	node, err := syntax.Parse(text, s.options())
	if err != nil {
		if st, e := s.parseInto(text); st != nil || e != nil {
			return st, e
		}
		return nil, err
	}
	if tree.ReadsInto(node, text) {
		if st, e := s.parseInto(text); st != nil || e != nil {
			return st, e
		}
		return nil, mysqlerr.New(mysqlerr.MisplacedInto)
	}
	if set, ok := node.(*ast.SetStmt); ok {
		tree.RenameCharacteristics(set, text)
	}
	st := &parsed{text: text, node: node, kind: status.Of(node)}
	st.params = tree.NumberParams(node)
	hinted := tree.Explained(node)
	st.ofHints, st.hintNames = tree.HintsOf(hinted, text, s.vars.SQLMode)
	switch hinted.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.DoStmt:
		st.deprecated = syntax.DeprecatedInRows(text, s.vars.SQLMode)
	}
	st.maxExecution, st.hints = tree.ExecutionHint(hinted), assign.HintsOf(hinted)
	return st, nil
}

// warnOfHints says what is to be said of a statement's hints: of those that were read, and of names in them that mean nothing now.
func (s texts) warnOfHints(st *parsed) {
	s.conds.Warn(st.ofHints...)
	for i := range st.hintNames {
		n := &st.hintNames[i]
		db := n.DB
		if db == "" {
			db = s.db
		}
		if t, ok := s.snapshot.Table(db, n.Table); ok && t.IndexByName(n.Index) != nil {
			continue
		}
		s.conds.Warn(n.Unresolved)
	}
}

func (s texts) options() syntax.Options {
	return syntax.Options{Mode: s.vars.SQLMode, Charset: s.vars.Collation.Charset(), Collation: s.vars.Collation.Name()}
}

// parseInto reads a SELECT whose INTO is not left to the parser. nil, nil: it is none.
func (s texts) parseInto(text string) (*parsed, error) {
	if st, err := s.parseIntoVars(text); st != nil || err != nil {
		return st, err
	}
	return s.parseIntoFile(text)
}
