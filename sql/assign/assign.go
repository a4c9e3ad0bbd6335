package assign

import (
	"context"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/syntax"
	"cloudsql/sql/dialect"
	"cloudsql/sql/sysvar"
	"cloudsql/sql/transaction"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Statement runs the SET statements of a session.
type Statement struct {
	DB   distributed.DB
	Vars *sysvar.Values
	Tx   *transaction.Transaction
	Host Host
}

// Host is what a SET wants of its session.
type Host interface {
	// Evaluate computes expressions as a SELECT of them would; the values are the caller's to keep.
	Evaluate(ctx context.Context, exprs []ast.ExprNode, params []types.Value) ([]types.Value, []types.Type, error)
	SetUserVar(name string, v types.Value, t types.Type) error
	// SetVar gives a system variable a value in the session, and has the session follow it.
	SetVar(v *sysvar.Variable, text string)
	Warn(err *mysqlerr.Error)
	// DatabaseCollation is that of the current database.
	DatabaseCollation() collation.ID
}

// GlobalTransaction is SET GLOBAL TRANSACTION; "" leaves a characteristic as it is.
func (s *Statement) GlobalTransaction(ctx context.Context, isolation, access string) error {
	n := &ast.SetStmt{}
	add := func(name, value string) {
		if value != "" {
			n.Variables = append(n.Variables, &ast.VariableAssignment{
				Name: name, IsGlobal: true, IsSystem: true, Value: ast.NewValueExpr(value, "", ""),
			})
		}
	}
	add("transaction_isolation", isolation)
	add("transaction_read_only", access)
	return s.Run(ctx, n, nil)
}

// assignment is one part of a SET, checked, before any of them is carried out.
type assignment struct {
	apply  func() error   // in the session
	global *globalSetting // in the catalog
	commit bool           // a transaction ends first: autocommit goes on
}

type globalSetting struct {
	name  string
	value string
	unset bool // DEFAULT
}

// mayChange is 3896 for partial_revokes that would go off while an account has some.
func mayChange(c *catalog.Snapshot, g *globalSetting) error {
	restricted := func(u *catalog.User) bool { return len(u.Restrictions) > 0 }
	if g.name == "partial_revokes" && (g.unset || g.value != "ON") && slices.ContainsFunc(c.Users(), restricted) {
		return mysqlerr.New(mysqlerr.PartialRevokesExist, g.name)
	}
	return nil
}

// Run is SET: every assignment is checked before the first one is made, so a wrong one changes nothing.
func (s *Statement) Run(ctx context.Context, n *ast.SetStmt, params []types.Value) error {
	var list []assignment
	for _, v := range n.Variables {
		a, err := s.assign(ctx, v, params)
		if err != nil {
			return err
		}
		list = append(list, a...)
	}
	if slices.ContainsFunc(n.Variables, names) {
		for _, e := range syntax.DeprecatedCharsets(n.Text(), s.Vars.SQLMode) {
			s.Host.Warn(e)
		}
	}
	var globals []*globalSetting
	for _, a := range list {
		if a.global != nil {
			globals = append(globals, a.global)
		}
	}
	if len(globals) > 0 {
		if err := s.store(ctx, globals); err != nil {
			return err
		}
	}
	for _, a := range list {
		if a.commit {
			if err := s.Tx.ImplicitCommit(ctx); err != nil {
				return err
			}
		}
		if a.apply != nil {
			if err := a.apply(); err != nil {
				return err
			}
		}
	}
	return nil
}

// store puts values into the catalog. What closes the cluster to changes waits for those that are under way, as in MySQL: 1205.
func (s *Statement) store(ctx context.Context, globals []*globalSetting) error {
	if slices.ContainsFunc(globals, s.closes) {
		done, err := s.Tx.Quiet(ctx)
		if err != nil {
			return err
		}
		defer done()
	}
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, g := range globals {
			if err := mayChange(tx.Snapshot, g); err != nil {
				return err
			}
			if g.unset {
				tx.DeleteSetting(g.name)
			} else {
				tx.PutSetting(g.name, g.value)
			}
		}
		return nil
	})
}

// closes tells of a read_only that goes on.
func (s *Statement) closes(g *globalSetting) bool {
	return readOnly(g.name) && g.value == "ON" && !s.Vars.On(g.name)
}

func readOnly(name string) bool { return name == "read_only" || name == "super_read_only" }

// names tells whether an assignment is SET NAMES or SET CHARACTER SET.
func names(v *ast.VariableAssignment) bool { return v.Name == ast.SetNames || v.Name == ast.SetCharset }

func (s *Statement) assign(ctx context.Context, v *ast.VariableAssignment, params []types.Value) ([]assignment, error) {
	switch {
	case v.Name == ast.SetNames:
		return s.assignNames(v)
	case v.Name == ast.SetCharset:
		return s.assignCharset(v)
	case !v.IsSystem:
		return s.assignUserVar(ctx, v, params)
	}
	name, global := globalName(v)
	if name == dialect.OneShotIsolation || name == dialect.OneShotAccess {
		return s.assignNextTransaction(ctx, name, v, params)
	}
	if strings.HasPrefix(name, "tidb_") || v.IsInstance {
		return nil, mysqlerr.New(mysqlerr.UnknownSystemVariable, name)
	}
	def, err := sysvar.Lookup(s.DB.Catalog(), name)
	if err != nil {
		return nil, err
	}
	if err := def.Settable(global); err != nil {
		return nil, err
	}
	if global {
		return s.assignGlobal(ctx, def, v, params)
	}
	text, err := s.newValue(ctx, def, v, params, s.Vars.Global(def))
	if err != nil {
		return nil, err
	}
	return s.assignSession(def, text), nil
}

// globalName gives the name of a variable that SET assigns, and whether it is assigned for the cluster.
func globalName(v *ast.VariableAssignment) (name string, global bool) {
	name = strings.ToLower(v.Name)
	for _, prefix := range []string{"persist.", "persist_only."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest, true
		}
	}
	return name, v.IsGlobal && v.IsSystem
}

// SetsGlobal tells whether SET gives a variable a value for the whole cluster, which takes a privilege.
func SetsGlobal(v *ast.VariableAssignment) bool {
	name, global := globalName(v)
	if !global {
		return false
	}
	def, err := sysvar.Lookup(nil, name)
	return err == nil && def.Settable(true) == nil
}

// newValue computes and checks what a variable is set to; def is what DEFAULT means.
func (s *Statement) newValue(ctx context.Context, v *sysvar.Variable, a *ast.VariableAssignment, params []types.Value,
	def string) (string, error) {
	if _, ok := a.Value.(*ast.DefaultExpr); ok || a.Value == nil {
		return def, nil
	}
	if word, ok := bareWord(a.Value); ok {
		return v.Normalize(types.Str(word), true, s.Host.Warn)
	}
	vals, typs, err := s.Host.Evaluate(ctx, []ast.ExprNode{a.Value}, params)
	if err != nil {
		return "", err
	}
	return v.Normalize(vals[0], typs[0].Class() == types.ClassString, s.Host.Warn)
}

// bareWord is the value of SET sql_mode = ANSI and the like: a name that stands for itself.
func bareWord(e ast.ExprNode) (string, bool) {
	c, ok := e.(*ast.ColumnNameExpr)
	if !ok || c.Name.Table.O != "" {
		return "", false
	}
	return c.Name.Name.O, true
}

func (s *Statement) assignSession(v *sysvar.Variable, text string) []assignment {
	switch v.Name {
	case "transaction_isolation":
		return []assignment{{apply: func() error { return s.Tx.Set(false, text, "") }}}
	case "transaction_read_only":
		return []assignment{{apply: func() error { return s.Tx.Set(false, "", text) }}}
	case "autocommit":
		return []assignment{{apply: func() error { s.Vars.Autocommit = text == "ON"; return nil }, commit: text == "ON" && !s.Vars.Autocommit}}
	}
	return []assignment{{apply: func() error { s.Host.SetVar(v, text); return nil }}}
}

// assignGlobal is SET GLOBAL and SET PERSIST, which are one here: the value holds in the cluster and over restarts.
func (s *Statement) assignGlobal(ctx context.Context, v *sysvar.Variable, a *ast.VariableAssignment, params []types.Value) (
	[]assignment, error) {
	if readOnly(v.Name) {
		if err := s.Tx.MayClose(); err != nil {
			return nil, err
		}
	}
	if _, ok := a.Value.(*ast.DefaultExpr); ok || a.Value == nil {
		list := []assignment{{global: &globalSetting{name: v.Name, unset: true}}}
		if name, _ := v.Pair(""); name != "" {
			list = append(list, assignment{global: &globalSetting{name: name, unset: true}})
		}
		return list, nil
	}
	text, err := s.newValue(ctx, v, a, params, "")
	if err != nil {
		return nil, err
	}
	list := []assignment{{global: &globalSetting{name: v.Name, value: text}}}
	if name, value := v.Pair(text); name != "" {
		list = append(list, assignment{global: &globalSetting{name: name, value: value}})
	}
	return list, nil
}

// assignNextTransaction is about the next transaction only; refused inside of one (1568). DEFAULT is the session's value.
func (s *Statement) assignNextTransaction(ctx context.Context, name string, a *ast.VariableAssignment, params []types.Value) (
	[]assignment, error) {
	if s.Tx.In() {
		return nil, mysqlerr.New(mysqlerr.CantChangeTxCharacteristics)
	}
	named := "transaction_isolation"
	if name == dialect.OneShotAccess {
		named = "transaction_read_only"
	}
	v, err := sysvar.Lookup(nil, named)
	if err != nil {
		return nil, err
	}
	text, err := s.newValue(ctx, v, a, params, s.Vars.Of(v))
	if err != nil {
		return nil, err
	}
	if name == dialect.OneShotAccess {
		return []assignment{{apply: func() error { s.Tx.SetNext("", text); return nil }}}, nil
	}
	return []assignment{{apply: func() error { s.Tx.SetNext(text, ""); return nil }}}, nil
}

func (s *Statement) assignUserVar(ctx context.Context, a *ast.VariableAssignment, params []types.Value) ([]assignment, error) {
	vals, typs, err := s.Host.Evaluate(ctx, []ast.ExprNode{a.Value}, params)
	if err != nil {
		return nil, err
	}
	name := a.Name
	return []assignment{{apply: func() error { return s.Host.SetUserVar(name, vals[0], typs[0]) }}}, nil
}

// assignNames is SET NAMES charset [COLLATE collation].
func (s *Statement) assignNames(a *ast.VariableAssignment) ([]assignment, error) {
	c := collation.Default
	if val, ok := a.Value.(ast.ValueExpr); ok {
		name := val.GetString()
		if _, err := sysvar.CheckClientCharset(name); err != nil {
			return nil, err
		}
		collate := ""
		if a.ExtendValue != nil {
			collate = a.ExtendValue.GetString()
		}
		var err error
		if c, err = resolveNames(name, collate); err != nil {
			return nil, err
		}
	}
	return []assignment{{apply: func() error { s.Vars.SetNames(c); return nil }}}, nil
}

func resolveNames(charset, collate string) (collation.ID, error) {
	c, err := sysvar.CharsetOf(charset)
	if err != nil || collate == "" {
		return c, err
	}
	named, ok := collation.ByName(collate)
	switch {
	case !ok:
		return 0, mysqlerr.New(mysqlerr.UnknownCollation, collate)
	case named.Charset() != c.Charset():
		return 0, mysqlerr.New(mysqlerr.CollationCharsetMismatch, collate, c.Charset())
	}
	return named, nil
}

// assignCharset is SET CHARACTER SET: the connection's collation becomes that of the database.
func (s *Statement) assignCharset(a *ast.VariableAssignment) ([]assignment, error) {
	c := collation.Default
	if val, ok := a.Value.(ast.ValueExpr); ok {
		if _, err := sysvar.CheckClientCharset(val.GetString()); err != nil {
			return nil, err
		}
		var err error
		if c, err = sysvar.CharsetOf(val.GetString()); err != nil {
			return nil, err
		}
	}
	return []assignment{{apply: func() error {
		s.Vars.SetNames(c)
		s.Vars.SetConnection(s.Host.DatabaseCollation())
		return nil
	}}}, nil
}
