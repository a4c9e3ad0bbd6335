package monitor

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/digest"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// Events: what sessions are doing now, and what statements came to by kind. Nothing is kept of what has ended but sums, so the
// tables of histories are empty.

// running calls fn for the sessions that the account may see.
func running(s *virtual.Scan, fn func(p *virtual.Process) error) error {
	list, err := virtual.Processes(s.Ctx, s)
	for i := 0; err == nil && i < len(list); i++ {
		err = fn(&list[i])
	}
	return err
}

// elapsed is how long ago a moment was, in picoseconds.
func elapsed(s *virtual.Scan, since time.Time) types.Value {
	if since.IsZero() {
		return types.Null
	}
	return picoseconds(max(virtual.Now(s).Sub(since), 0))
}

// perfStatements is events_statements_current: the statements that run.
func perfStatements(s *virtual.Scan) error {
	null, zero := types.Null, virtual.Num(0)
	return running(s, func(p *virtual.Process) error {
		if p.Info == "" {
			return nil
		}
		row := []types.Value{virtual.Num(p.ID), virtual.Num(1), null, types.Str(eventOf(p.Info)), null, null, null, elapsed(s, p.Since), zero,
			types.Str(p.Info), null, null, virtual.Optional(p.DB), null, null, null, null, null, null, null}
		for range 18 { // ERRORS … NO_GOOD_INDEX_USED: counted when the statement ends
			row = append(row, zero)
		}
		return s.Row(append(row, null, null, zero, null, zero, zero, zero, types.Str("PRIMARY"))...)
	})
}

// twoWords are the statements that are told apart by what they are about.
var twoWords = map[string]bool{"create": true, "drop": true, "alter": true, "rename": true, "lock": true, "unlock": true, "show": true}

// oneName are names that differ from the word that statements begin with.
var oneName = map[string]string{
	"set": "set_option", "use": "change_db", "with": "select", "table": "select", "values": "select", "start": "begin",
	"prepare": "prepare_sql", "execute": "execute_sql", "deallocate": "dealloc_sql", "describe": "show_fields", "desc": "show_fields",
	"explain": "explain_other", "call": "call_procedure",
}

// eventOf is the name of a statement's instrument: statement/sql/select.
func eventOf(text string) string {
	words := strings.Fields(strings.ToLower(strings.TrimLeft(text, "( \t\n")))
	if len(words) == 0 {
		return "statement/sql/error"
	}
	name := words[0]
	switch {
	case twoWords[name] && len(words) > 1:
		second := strings.Trim(words[1], "`;")
		if second == "database" || second == "schema" {
			second = "db"
		}
		name += "_" + second
	case oneName[name] != "":
		name = oneName[name]
	}
	return "statement/sql/" + strings.Trim(name, ";")
}

// perfStatementKinds is events_statements_summary_global_by_event_name: what statements came to, by their kind. 1227 without PROCESS.
func perfStatementKinds(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return err
	}
	byEvent := map[string]*digest.Summary{}
	for _, d := range s.Digests(s.Ctx) {
		if d.Digest == "" {
			continue // of many kinds
		}
		event := eventOf(d.Text)
		if all := byEvent[event]; all != nil {
			all.Merge(d)
			continue
		}
		one := *d
		byEvent[event] = &one
	}
	for _, event := range slices.Sorted(maps.Keys(byEvent)) {
		if err := s.Row(append([]types.Value{types.Str(event)}, digestSums(byEvent[event])...)...); err != nil {
			return err
		}
	}
	return nil
}

// perfTransactions is events_transactions_current: the open ones.
func perfTransactions(s *virtual.Scan) error {
	null := types.Null
	return running(s, func(p *virtual.Process) error {
		if p.Txn == nil {
			return nil
		}
		mode := "READ WRITE"
		if p.Txn.ReadOnly {
			mode = "READ ONLY"
		}
		return s.Row(virtual.Num(p.ID), virtual.Num(1), null, types.Str("transaction"), types.Str("ACTIVE"), null, null, null, null, null, null,
			null, null, null, elapsed(s, p.Txn.Started), types.Str(mode), types.Str(strings.ReplaceAll(p.Txn.Isolation, "-", " ")),
			types.Str("NO"), null, null, null, null, null, null)
	})
}

// perfTableHandles is table_handles: the tables that open transactions use.
func perfTableHandles(s *virtual.Scan) error {
	null := types.Null
	return running(s, func(p *virtual.Process) error {
		for _, u := range p.Uses {
			lock := "READ EXTERNAL"
			if u.Write {
				lock = "WRITE EXTERNAL"
			}
			err := s.Row(types.Str("TABLE"), types.Str(u.DB), types.Str(u.Table), virtual.Num(0), virtual.Num(p.ID), null, null, types.Str(lock))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// perfMemory is memory_summary_global_by_event_name: what this node's parts hold. Only for accounts that may see all sessions.
func perfMemory(s *virtual.Scan) error {
	m, ok := s.Context.(MemoryAccounter)
	if !ok || !s.Administers() {
		return nil
	}
	zero := virtual.Num(0)
	for _, a := range m.MemoryAccounts() {
		if a.Session != 0 {
			continue
		}
		used, peak := virtual.Num(a.Used), virtual.Num(max(a.Peak, a.Used))
		if err := s.Row(types.Str("memory/"+a.Level+"/"+a.Name), zero, zero, used, zero, zero, zero, zero, zero, used, peak); err != nil {
			return err
		}
	}
	return nil
}
