package session

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/temporary"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/metalock"
	"cloudsql/storage/mysqlerr"
)

// owned is a session's temporary tables and who changes them; nil tables: there never were any.
type owned struct {
	tables   *temporary.Tables
	data     distributed.DB
	executor *online.Executor
}

// temporary gives who makes and changes the session's temporary tables.
func (s *Session) temporary() *online.Executor {
	if o := &s.own; o.tables == nil {
		o.tables = s.eng.temporary.NewTables(s.eng.db)
		o.data = o.tables.DB()
		o.executor = &online.Executor{DB: o.tables.Definitions(), Owner: s.eng.ddl.Owner}
	}
	s.tx.TakeIn()
	return s.own.executor
}

// data is what the session's statements read and write: the node's, with the temporary tables where there are any.
func (s *Session) data() distributed.DB {
	if s.own.tables.Empty() {
		return s.eng.db
	}
	return s.own.data
}

// look takes the newest catalog for the rest of the statement.
func (s *Session) look() {
	s.rt.DB = s.data()
	s.snapshot = s.rt.DB.Catalog()
	s.rt.Catalog = s.snapshot
}

// within gives a transaction the temporary tables that there are.
func (s *Session) within(txn distributed.Txn) distributed.Txn {
	if s.own.tables == nil {
		return txn
	}
	return s.own.tables.Within(txn)
}

// dropTemporary ends the temporary tables with the session; its transaction has ended.
func (s *Session) dropTemporary() {
	if err := s.own.tables.Close(); err != nil {
		s.eng.log().Warn("temporary tables are left behind", "err", err)
	}
	s.own = owned{}
}

// isTemporary tells whether a name means a temporary table.
func (s *Session) isTemporary(db, name string) bool {
	_, ok := s.own.tables.Find(db, name)
	return ok
}

// temporaryRefs takes temporary tables out of the tables that a statement names, which are those that locks are about. 1137
// for one that it names twice.
func (s *Session) temporaryRefs(named *refCollector) (others []metalock.Ref, err error) {
	if s.own.tables.Empty() {
		return named.refs, nil
	}
	seen := map[[2]string]string{}
	for _, r := range named.refs {
		if !s.isTemporary(r.DB, r.Name) || named.ctes[strings.ToLower(r.Name)] {
			others = append(others, r)
			continue
		}
		id := [2]string{r.DB, r.Name}
		if alias, again := seen[id]; again {
			return nil, mysqlerr.New(mysqlerr.CantReopenTable, alias)
		}
		seen[id] = r.Alias
	}
	return others, nil
}

// usesTemporary notes whether a plan has to do with temporary tables.
func (s *Session) usesTemporary(p *planned) bool {
	for _, t := range p.plan.Tables() {
		if s.own.tables.Has(t.ID) {
			return true
		}
	}
	return false
}

// touches tells whether the plan has to do with tables.
func (p *planned) touches() bool { return p.temporary || len(p.Uses) > 0 }

// changesOthers tells whether a change is of more than temporary tables.
func (p *planned) changesOthers() bool {
	if !p.temporary {
		return true
	}
	for i := range p.Uses {
		if p.Uses[i].Write {
			return true
		}
	}
	return false
}

// namesTemporary tells whether a definition is of a temporary table by its own words, which neither commits nor is refused
// in a READ ONLY transaction.
func namesTemporary(n ast.StmtNode) bool {
	switch n := n.(type) {
	case *ast.CreateTableStmt:
		return n.TemporaryKeyword != ast.TemporaryNone
	case *ast.DropTableStmt:
		return n.TemporaryKeyword != ast.TemporaryNone
	}
	return false
}
