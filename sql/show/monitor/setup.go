package monitor

import (
	"maps"
	"slices"

	"cloudsql/sql/show/virtual"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/types"
)

// What performance_schema says of itself, and where the values of variables come from.

// list makes a table of rows that never change.
func list(rows ...[]types.Value) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		for _, row := range rows {
			if err := s.Row(slices.Clone(row)...); err != nil {
				return err
			}
		}
		return nil
	}
}

func texts(list ...string) []types.Value {
	row := make([]types.Value, len(list))
	for i := range list {
		row[i] = types.Str(list[i])
	}
	return row
}

// sysConfig has the defaults of sys: nobody changes them.
var sysConfig = list(
	[]types.Value{types.Str("diagnostics.allow_i_s_tables"), types.Str("OFF"), types.Null, types.Null},
	[]types.Value{types.Str("diagnostics.include_raw"), types.Str("OFF"), types.Null, types.Null},
	[]types.Value{types.Str("ps_thread_trx_info.max_length"), types.Str("65535"), types.Null, types.Null},
	[]types.Value{types.Str("statement_performance_analyzer.limit"), types.Str("100"), types.Null, types.Null},
	[]types.Value{types.Str("statement_performance_analyzer.view"), types.Null, types.Null, types.Null},
	[]types.Value{types.Str("statement_truncate_len"), types.Str("64"), types.Null, types.Null},
)

// setupConsumers says of what there are rows.
var setupConsumers = list(
	texts("events_stages_current", "NO"), texts("events_stages_history", "NO"), texts("events_stages_history_long", "NO"),
	texts("events_statements_cpu", "NO"), texts("events_statements_current", "YES"), texts("events_statements_history", "NO"),
	texts("events_statements_history_long", "NO"), texts("events_transactions_current", "YES"), texts("events_transactions_history", "NO"),
	texts("events_transactions_history_long", "NO"), texts("events_waits_current", "NO"), texts("events_waits_history", "NO"),
	texts("events_waits_history_long", "NO"), texts("global_instrumentation", "YES"), texts("thread_instrumentation", "YES"),
	texts("statements_digest", "YES"),
)

// setupInstruments are the instruments that tools ask for.
func setupInstruments(s *virtual.Scan) error {
	for _, name := range []string{"wait/lock/metadata/sql/mdl", "statement/sql/select", "statement/sql/insert", "statement/sql/update",
		"statement/sql/delete", "statement/sql/replace", "transaction"} {
		if err := s.Row(types.Str(name), types.Str("YES"), types.Str("YES"), types.Str(""), types.Null, virtual.Num(0),
			types.Null); err != nil {
			return err
		}
	}
	return nil
}

func setupThreads(s *virtual.Scan) error {
	return s.Row(types.Str("thread/sql/one_connection"), types.Str("YES"), types.Str("NO"), types.Str("user"), virtual.Num(0), types.Null)
}

// performanceTimers: times are measured in nanoseconds and told in picoseconds.
func performanceTimers(s *virtual.Scan) error {
	null := types.Null
	for _, t := range []struct {
		name      string
		frequency int64
	}{{"CYCLE", 0}, {"NANOSECOND", 1e9}, {"MICROSECOND", 1e6}, {"MILLISECOND", 1e3}, {"THREAD_CPU", 0}} {
		row := []types.Value{types.Str(t.name), null, null, null}
		if t.frequency > 0 {
			row[1], row[2] = virtual.Num(t.frequency), virtual.Num(1)
		}
		if err := s.Row(row...); err != nil {
			return err
		}
	}
	return nil
}

// persistedVariables: whatever SET GLOBAL sets here is kept, as SET PERSIST does in MySQL.
func persistedVariables(s *virtual.Scan) error {
	return pairs(s, func(fn func(name, value string)) {
		settings := s.Catalog().Settings()
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			if _, err := sysvar.Lookup(s.Catalog(), name); err == nil {
				fn(name, settings[name])
			}
		}
	})
}

func variablesInfo(s *virtual.Scan) error {
	null := types.Null
	for _, v := range sysvar.All(s.Catalog()) {
		source := "COMPILED"
		if _, set := s.Catalog().Setting(v.Name); set {
			source = "PERSISTED"
		}
		lo, hi := v.Bounds()
		if err := s.Row(types.Str(v.Name), types.Str(source), types.Str(""), types.Str(lo), types.Str(hi), null, null, null); err != nil {
			return err
		}
	}
	return nil
}

// ofThread puts the thread's id before the rows of a session's own table: others' sessions tell nothing of these.
func ofThread(each func(s *virtual.Scan, fn func(name, value string))) func(s *virtual.Scan) error {
	return func(s *virtual.Scan) error {
		id := virtual.Num(s.Env().Session.ConnectionID())
		var err error
		each(s, func(name, value string) {
			if err == nil {
				err = s.Row(id, types.Str(name), types.Str(value))
			}
		})
		return err
	}
}

func ownVariables(s *virtual.Scan, fn func(name, value string)) { s.Variables(false, fn) }

func ownStatus(s *virtual.Scan, fn func(name, value string)) { s.Status(false, fn) }

// UserVariables is what expr.Session may offer besides: the user variables.
type UserVariables interface {
	EachUserVar(fn func(name string, v types.Value, t *types.Type))
}

func userVariables(s *virtual.Scan) error {
	u, ok := s.Env().Session.(UserVariables)
	if !ok {
		return nil
	}
	id := virtual.Num(s.Env().Session.ConnectionID())
	var err error
	u.EachUserVar(func(name string, v types.Value, t *types.Type) {
		if !v.IsNull() {
			v = types.Bytes(v.AppendText(nil, t))
		}
		if err == nil {
			err = s.Row(id, types.Str(name), v)
		}
	})
	return err
}

// tlsChannels is tls_channel_status: what the variables and counters of TLS say, of the one port that there is.
func tlsChannels(s *virtual.Scan) error {
	row := func(property, value string) error {
		return s.Row(types.Str("mysql_main"), types.Str(property), types.Str(value))
	}
	enabled := "No"
	if v, _ := s.Variable(true, "have_ssl"); v == "YES" {
		enabled = "Yes"
	}
	err := row("Enabled", enabled)
	for _, v := range [][2]string{{"Current_tls_ca", "ssl_ca"}, {"Current_tls_capath", "ssl_capath"}, {"Current_tls_cert", "ssl_cert"},
		{"Current_tls_cipher", "ssl_cipher"}, {"Current_tls_ciphersuites", "tls_ciphersuites"}, {"Current_tls_crl", "ssl_crl"},
		{"Current_tls_crlpath", "ssl_crlpath"}, {"Current_tls_key", "ssl_key"}, {"Current_tls_version", "tls_version"}} {
		if value, ok := s.Variable(true, v[1]); ok && err == nil {
			err = row(v[0], value)
		}
	}
	return err
}
