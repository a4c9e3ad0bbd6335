package ddl

import (
	"context"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Env is what a statement's meaning depends on besides its text.
type Env struct {
	Mode      types.Mode    // how DEFAULT values convert
	SQLMode   mysql.SQLMode // strictness, NO_ENGINE_SUBSTITUTION
	Now       time.Time
	Collation collation.ID // collation_server: of a database that names none
	// Note receives warnings and notes; nil drops them.
	Note func(level string, code uint16, message string)
	// Progress receives what the process list says of a change that takes long; nil drops it.
	Progress func(state string)
	// Locks is the session's part in locks on tables; nil: nobody is waited for, and nothing can be copied.
	Locks TableLocks
	// Catalog is what foreign keys are looked at in: their parents, and who refers to a table. nil: nobody does.
	Catalog      *catalog.Snapshot
	Engine       string // default_storage_engine: of a table that names none
	StrictEngine bool   // innodb_strict_mode
	// ForeignKeysOff is foreign_key_checks = 0.
	ForeignKeysOff bool
}

// TableLocks waits for the statements and transactions in the cluster that use tables (metalock.Owner).
type TableLocks interface {
	// Exclusive keeps new ones off until unlock is called.
	Exclusive(ctx context.Context, ids ...schema.TableID) (unlock func(), err error)
}

// Exclusive is Locks.Exclusive of tables.
func (e *Env) Exclusive(ctx context.Context, tables ...*schema.Table) (unlock func(), err error) {
	ids := make([]schema.TableID, len(tables))
	for i, t := range tables {
		ids[i] = t.ID
	}
	return e.ExclusiveIDs(ctx, ids...)
}

// ExclusiveIDs is Locks.Exclusive of tables and views.
func (e *Env) ExclusiveIDs(ctx context.Context, ids ...schema.TableID) (unlock func(), err error) {
	if e.Locks == nil || len(ids) == 0 {
		return func() {}, nil
	}
	return e.Locks.Exclusive(ctx, ids...)
}

func (e *Env) warn(err *mysqlerr.Error) { e.Report("Warning", err) }

func (e *Env) Report(level string, err *mysqlerr.Error) {
	if e.Note != nil {
		e.Note(level, err.Code, err.Message)
	}
}

// strict tells whether a definition that MySQL can only bend into shape is an error.
func (e *Env) strict() bool { return e.Mode.Strict }

// keepsWords tells whether all nodes know of what is kept to be shown only. Others would forget it, each replica for itself.
func (e *Env) keepsWords() bool {
	return e.Catalog == nil || e.Catalog.ClusterVersion().Active >= version.V2
}

// kept is an option's word as it is kept, "" for DEFAULT.
func (e *Env) kept(word string) string {
	if word = strings.ToUpper(word); word == "DEFAULT" || !e.keepsWords() {
		return ""
	}
	return word
}

func location(e *Env) *time.Location {
	if e.Mode.Loc == nil {
		return time.UTC
	}
	return e.Mode.Loc
}
