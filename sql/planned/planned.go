package planned

import (
	"slices"
	"sync/atomic"

	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/sql"
	"cloudsql/sql/digest"
	"cloudsql/sql/metalock"
	"cloudsql/sql/status"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
)

// Plan is a plan with what its executions share. It may serve many sessions, while Holds says so.
type Plan struct {
	Rows      planner.Rows
	Modify    planner.Modify
	Point     *planner.PointGet
	Header    *sql.Header
	Plan      planner.Plan
	Cacheable bool // another execution may use it

	Circumstances
	checked atomic.Uint64       // the version of the catalog at which it was last seen to hold, beside its own
	kinds   []types.Kind        // of the parameters
	known   []*statistics.Table // of the plan's tables, in their order; nil where it does not depend on them
	// Statement is what locks on tables ask of the plan.
	metalock.Statement
	// Tables: it reads some; SELECT SLEEP(9) alone is not failed by KILL QUERY, as in MySQL
	Tables    bool
	Temporary bool            // some of them are the session's alone
	AsOf      []expr.Expr     // the times as of which the tables are read
	Asked     bool            // for the row that was inserted last (sql_auto_is_null)
	definers  []*catalog.User // by whose privileges views read their tables

	// In the cache of texts.
	Kind    status.Kind
	Digest  *digest.Statement
	Refused bool // this text is not for caching
}

// Circumstances are what a plan depends on besides the statement, its tables and the parameters' types.
type Circumstances struct {
	planner.Settings
	Version uint64 // of the catalog
	Own     uint64 // of the session's temporary tables; 0: it has none
	User    *catalog.User
	DB      string
}

// New is a plan that was made under the present circumstances, for parameters like params, with what was noted on the way. refs are the
// names in the statement, temporary tells whether tables of the session are among its tables.
func New(plan planner.Plan, now *Circumstances, made *Making, refs []metalock.Ref, temporary bool, params []types.Value) (*Plan, error) {
	p := &Plan{
		Plan: plan, Circumstances: *now, Cacheable: plan.Cacheable() && !made.Virtual, Statement: metalock.Statement{Uses: made.Uses, Refs: refs},
		Temporary: temporary, Asked: made.Inserted.Asked, definers: made.Definers, AsOf: planner.AsOf(plan), kinds: make([]types.Kind, len(params)),
	}
	p.Tables = made.Virtual || p.Touches()
	if p.Temporary && len(p.AsOf) > 0 {
		return nil, mysqlerr.NotSupported("AS OF TIMESTAMP with a temporary table")
	}
	for i := range params {
		p.kinds[i] = params[i].Kind()
	}
	switch plan := plan.(type) {
	case planner.Rows:
		if now.MaxJoin > 0 && planner.LooksAt(plan) > float64(now.MaxJoin) {
			return nil, mysqlerr.New(mysqlerr.TooBigSelect)
		}
		p.Rows, p.Point = plan, plan.Point()
		p.Header = &sql.Header{Columns: plan.Fields()}
	case planner.Modify:
		p.Modify = plan
	}
	return p, nil
}

// Remember notes what was known of the rows of the plan's tables. Rows by their keys are read one way only.
func (p *Plan) Remember(c *catalog.Snapshot) {
	if p.Point != nil || p.Modify != nil && !p.Modify.NeedsTxn() {
		return
	}
	for _, t := range p.Plan.Tables() {
		p.known = append(p.known, c.Statistics(t.ID))
	}
}

// Holds tells whether a plan made under p serves under now. Where only the catalog has moved on, the plan's tables decide.
func (p *Plan) Holds(now *Circumstances, c *catalog.Snapshot, params []types.Value) bool {
	if len(p.kinds) != len(params) {
		return false
	}
	for i := range params {
		if p.kinds[i] != params[i].Kind() {
			return false
		}
	}
	if p.Circumstances == *now {
		return true
	}
	same := p.Circumstances
	same.Version = now.Version
	if same != *now {
		return false
	}
	if p.checked.Load() == now.Version {
		return true
	}
	if !p.Current(c) {
		return false
	}
	p.checked.Store(now.Version)
	return true
}

// Current tells whether the plan's tables, and what is known of their rows, are what they were when it was made.
func (p *Plan) Current(c *catalog.Snapshot) bool {
	for i, t := range p.Plan.Tables() {
		if version, ok := c.VersionOf(t.ID); !ok || version != t.Version {
			return false
		}
		if p.known != nil && c.Statistics(t.ID) != p.known[i] {
			return false
		}
	}
	if slices.ContainsFunc(p.definers, func(u *catalog.User) bool {
		now, ok := c.User(u.Name, u.Host)
		return !ok || now != u
	}) {
		return false
	}
	return p.Modify == nil || p.Modify.Holds(c)
}

// Touches tells whether the plan has to do with tables.
func (p *Plan) Touches() bool { return p.Temporary || len(p.Uses) > 0 }

// ChangesOthers tells whether a change is of more than temporary tables.
func (p *Plan) ChangesOthers() bool { return !p.Temporary || p.writes() }

func (p *Plan) writes() bool {
	return slices.ContainsFunc(p.Uses, func(u metalock.Use) bool { return u.Write })
}

// LocksForUpdate tells of a SELECT that locks rows as a change would.
func (p *Plan) LocksForUpdate() bool { return p.Rows != nil && p.Rows.ForUpdate() && p.writes() }

// LooksForRows tells of a plan that does more than to read or write rows by key.
func (p *Plan) LooksForRows() bool {
	return p.Point == nil && len(p.Uses) > 0 && (p.Modify == nil || p.Modify.NeedsTxn())
}
