package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
)

// CACHE INDEX and LOAD INDEX INTO CACHE are about another engine's buffers: as with InnoDB, each table gets a note that says so.

// readCacheIndex reads CACHE INDEX t [PARTITION (…)] [INDEX (…)], … IN cache. 1284.
func readCacheIndex(st statement) (Statement, error) {
	if !st.take("index") {
		return nil, st.syntaxError()
	}
	tables, ok := listOf(&st.words, st.keyItem)
	if !ok || !st.take("in") {
		return nil, st.syntaxError()
	}
	cache, ok := st.ident()
	if !ok || len(st.words) > 0 {
		return nil, st.syntaxError()
	}
	if !strings.EqualFold(cache, "default") {
		return nil, mysqlerr.New(mysqlerr.UnknownKeyCache, cache)
	}
	return CheckTables{Op: "assign_to_keycache", Tables: tables}, nil
}

// readLoadIndex reads what follows LOAD INDEX.
func readLoadIndex(st statement) (Statement, error) {
	if !st.take("into", "cache") {
		return nil, st.syntaxError()
	}
	tables, ok := listOf(&st.words, st.keyItem)
	if !ok || len(st.words) > 0 {
		return nil, st.syntaxError()
	}
	return CheckTables{Op: "preload_keys", Tables: tables}, nil
}

// keyItem takes a table with lists of partitions and indexes.
func (w *words) keyItem() (*ast.TableName, bool) {
	t, ok := w.tableName()
	if !ok || w.take("partition") && w.list() == 0 {
		return nil, false
	}
	if (w.take("index") || w.take("key")) && w.list() == 0 {
		return nil, false
	}
	w.take("ignore", "leaves")
	return t, true
}
