package sysvar

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/sql/dialect"
	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
)

// Effect is what a variable does.
type Effect uint8

// The effects.
const (
	Works   Effect = iota + 1 // what the value says is what holds
	Fixed                     // it holds in one way only: another value is refused with 1235
	Nothing                   // accepted, and there is nothing here that it could have an effect on
	Tells                     // it can't be set
)

// group is variables that do, or do not, the same.
type group struct {
	effect Effect
	why    string
	vars   []*Variable
}

// groups hold every variable that the server has, by what it does: a variable is in the group that tells the truth about it, and a
// test holds those that say that they have an effect to it (sql/session, effects_test.go).

func boolVar(name string, sc Scope, def string) *Variable {
	return &Variable{Name: name, Scope: sc, kind: kindBool, def: def}
}

func uintVar(name string, sc Scope, def, lo, hi uint64) *Variable {
	return &Variable{Name: name, Scope: sc, kind: kindUint, def: strconv.FormatUint(def, 10), min: lo, max: hi}
}

// components are the variables of one.
func components(urn string, list ...*Variable) []*Variable {
	for _, v := range list {
		v.Component = urn
	}
	return list
}

// blocks is a number that is a multiple of one.
func blocks(v *Variable, n uint64) *Variable { v.block = n; return v }

func stringVar(name string, sc Scope, def string) *Variable {
	return &Variable{Name: name, Scope: sc, kind: kindString, def: def}
}

func enumVar(name string, sc Scope, def string, values ...string) *Variable {
	return &Variable{Name: name, Scope: sc, kind: kindEnum, def: def, values: values}
}

func fixed(v *Variable) *Variable { v.fixed = true; return v }

func nullable(v *Variable) *Variable { v.nullable = true; return v }

// shown is a variable whose value in a session is not the one that was set.
func shown(v *Variable) *Variable { v.live = true; return v }

// paired is a variable that is set with another one, to what value gives of its own.
func paired(v *Variable, other string, value func(text string) string) *Variable {
	v.pair, v.pairValue = other, value
	return v
}

func hinted(v *Variable) *Variable { v.hint = true; return v }

func numbered(v *Variable) *Variable { v.numbered = true; return v }

func applied(x *Variable, fn func(v *Values, text string)) *Variable { x.apply = fn; return x }

func checked(v *Variable, fn func(text string) (string, error)) *Variable {
	v.check = fn
	return v
}

func dynamic(x *Variable, get func(v *Values) string, set func(v *Values, text string)) *Variable {
	x.get, x.apply = get, set
	return x
}

func readOnly(name, value string) *Variable {
	return &Variable{Name: name, Scope: Global, def: value, ReadOnly: true}
}

func readOnlyBool(name, value string) *Variable {
	return &Variable{Name: name, Scope: Global, kind: kindBool, def: value, ReadOnly: true}
}

func readOnlyInt(name string, value uint64) *Variable {
	return &Variable{Name: name, Scope: Global, kind: kindUint, def: strconv.FormatUint(value, 10), ReadOnly: true}
}

// live is a variable whose value the server knows.
func live(name string, kind varKind) *Variable {
	return &Variable{Name: name, Scope: Global, kind: kind, ReadOnly: true, live: true}
}

// MySQL is the version of the MySQL whose behaviour clients may expect.
const MySQL = "8.0.36"

const (
	maxU32 = math.MaxUint32
	maxU64 = math.MaxUint64
	year   = 31536000 // seconds

	maxStaleness = 3_600_000 // an hour, in milliseconds; in fact --history bounds it, because older versions are removed
)

var groups = []group{
	{Works, "what statements, connections and the cluster do; each is shown by a test (sql/session, effects_test.go)", []*Variable{
		dynamic(boolVar("autocommit", Both, "ON"), func(v *Values) string { return onOff(v.Autocommit) },
			func(v *Values, text string) { v.Autocommit = text == "ON" }),
		hinted(numbered(checked(dynamic(stringVar("sql_mode", Both, defaultSQLMode),
			func(v *Values) string { return v.SQLModeText }, (*Values).applySQLMode), checkSQLMode))),
		hinted(checked(dynamic(stringVar("time_zone", Both, "SYSTEM"),
			func(v *Values) string { return v.ZoneName }, (*Values).applyTimeZone), checkTimeZone)),
		enumVar("transaction_isolation", Both, "REPEATABLE-READ", dialect.IsolationLevels...),
		boolVar("transaction_read_only", Both, "OFF"),
		boolVar("slow_query_log", Global, "OFF"),
		checked(stringVar("default_storage_engine", Both, "InnoDB"), checkEngine),
		checked(enumVar("log_output", Global, "FILE", "FILE", "TABLE", "NONE"), checkLogOutput),
		applied(&Variable{Name: "long_query_time", Scope: Both, kind: kindFloat, def: "10.000000", max: year}, (*Values).applyLongQuery),
		applied(uintVar("min_examined_row_limit", Both, 0, 0, maxU64), func(v *Values, text string) {
			v.MinExamined, _ = strconv.ParseUint(text, 10, 64)
		}),
		enumVar("completion_type", Both, "NO_CHAIN", "NO_CHAIN", "CHAIN", "RELEASE"),
		numbered(checked(applied(stringVar("character_set_client", Both, "utf8mb4"), (*Values).applyClientCharset), CheckClientCharset)),
		numbered(checked(applied(stringVar("character_set_connection", Both, "utf8mb4"), (*Values).applyConnectionCharset), checkCharset)),
		numbered(nullable(checked(applied(stringVar("character_set_results", Both, "utf8mb4"), (*Values).applyResultsCharset),
			checkResultsCharset))),
		numbered(paired(checked(stringVar("character_set_server", Both, "utf8mb4"), checkCharset), "collation_server", defaultCollation)),
		numbered(paired(checked(stringVar("collation_server", Both, "utf8mb4_0900_ai_ci"), checkCollation), "character_set_server", charsetOfCollation)),
		numbered(checked(applied(stringVar("collation_connection", Both, "utf8mb4_0900_ai_ci"),
			(*Values).applyConnectionCollation), checkCollation)),
		hinted(applied(uintVar("sql_select_limit", Both, maxU64, 0, maxU64), func(v *Values, text string) {
			v.SelectLimit, _ = strconv.ParseUint(text, 10, 64)
		})),
		hinted(applied(uintVar("max_execution_time", Both, 0, 0, maxU32), func(v *Values, text string) {
			v.MaxExecution = time.Duration(Int(text)) * time.Millisecond
		})),
		hinted(applied(uintVar("innodb_lock_wait_timeout", Both, 50, 1, 1<<30), (*Values).applyLockWait)),
		hinted(applied(uintVar("lock_wait_timeout", Both, year, 1, year), func(v *Values, text string) {
			v.TableLockWait = time.Duration(Int(text)) * time.Second
		})),
		hinted(applied(uintVar("group_concat_max_len", Both, 1024, 4, maxU64), func(v *Values, text string) {
			v.GroupConcatMax = Int(text)
		})),
		hinted(applied(boolVar("sql_safe_updates", Both, "OFF"), func(v *Values, text string) { v.SafeUpdates = text == "ON" })),
		hinted(applied(boolVar("sql_auto_is_null", Both, "OFF"), func(v *Values, text string) { v.AutoIsNull = text == "ON" })),
		applied(boolVar("sql_warnings", Both, "OFF"), func(v *Values, text string) { v.TellsRow = text == "ON" }),
		hinted(applied(boolVar("foreign_key_checks", Both, "ON"), func(v *Values, text string) { v.ForeignKeysOff = text == "OFF" })),
		hinted(applied(uintVar("cloudsql_read_staleness_ms", Both, 0, 0, maxStaleness), (*Values).applyStaleness)),
		hinted(applied(enumVar("cloudsql_columnar", Both, "AUTO", "OFF", "AUTO"), func(v *Values, text string) { v.RowsOnly = text == "OFF" })),
		hinted(applied(enumVar("cloudsql_shard_joins", Both, "OFF", "AUTO", "OFF", "ON"), func(v *Values, text string) {
			v.Joining = map[string]algebra.Joining{"OFF": algebra.GatewayJoins, "ON": algebra.ShardJoins}[text]
		})),
		applied(boolVar("sql_notes", Both, "ON"), func(v *Values, text string) { v.Notes = text == "ON" }),
		applied(uintVar("max_error_count", Both, 1024, 0, 65535), func(v *Values, text string) { v.MaxConditions = Int(text) }),
		boolVar("sql_quote_show_create", Both, "ON"),
		boolVar("show_create_table_verbosity", Both, "OFF"),
		applied(uintVar("wait_timeout", Both, 28800, 1, year), func(v *Values, text string) {
			v.WaitTimeout = time.Duration(Int(text)) * time.Second
		}),
		uintVar("interactive_timeout", Both, 28800, 1, year),
		boolVar("sql_require_primary_key", Both, "OFF"),
		{Name: "timestamp", Scope: Session, kind: kindFloat, def: "0",
			get: func(v *Values) string {
				now := v.Now()
				return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
			}, check: checkTimestamp, apply: (*Values).applyTimestamp},
		{Name: "last_insert_id", Scope: Session, kind: kindUint, def: "0", max: maxU64,
			get:   func(v *Values) string { return strconv.FormatUint(v.LastInsertID, 10) },
			apply: func(v *Values, text string) { v.LastInsertID, _ = strconv.ParseUint(text, 10, 64) }},
		{Name: "insert_id", Scope: Session, kind: kindUint, def: "0", max: maxU64,
			get:   func(v *Values) string { return strconv.FormatUint(v.InsertID, 10) },
			apply: func(v *Values, text string) { v.InsertID, _ = strconv.ParseUint(text, 10, 64) }},
		{Name: "identity", Scope: Session, kind: kindUint, def: "0", max: maxU64,
			get:   func(v *Values) string { return strconv.FormatUint(v.LastInsertID, 10) },
			apply: func(v *Values, text string) { v.LastInsertID, _ = strconv.ParseUint(text, 10, 64) }},
		hinted(applied(uintVar("auto_increment_increment", Both, 1, 1, 65535), func(v *Values, text string) { v.AutoIncrement.Step = uint64(Int(text)) })),
		hinted(applied(uintVar("auto_increment_offset", Both, 1, 1, 65535), func(v *Values, text string) { v.AutoIncrement.Offset = uint64(Int(text)) })),
		hinted(applied(uintVar("div_precision_increment", Both, 4, 0, 30), func(v *Values, text string) { v.DivIncrement = Int(text) })),
		applied(uintVar("default_week_format", Both, 0, 0, 7), func(v *Values, text string) { v.WeekFormat = Int(text) }),
		checked(applied(stringVar("lc_time_names", Both, expr.DefaultLocale), func(v *Values, text string) { v.Locale = text }), checkLocale),
		applied(enumVar("block_encryption_mode", Both, expr.DefaultBlockMode, expr.BlockModes...), func(v *Values, text string) { v.BlockMode = text }),
		hinted(applied(uintVar("cte_max_recursion_depth", Both, 1000, 0, maxU32), func(v *Values, text string) { v.RecursionDepth = Int(text) })),
		hinted(dynamic(boolVar("sql_big_selects", Both, "ON"), func(v *Values) string { return onOff(v.bigSelects) },
			func(v *Values, text string) { v.setMaxJoin(v.maxJoin, text == "ON") })),
		hinted(checked(dynamic(stringVar("optimizer_switch", Both, optimizerSwitch), func(v *Values) string { return v.switches }, (*Values).applySwitches), checkSwitches)),
		hinted(applied(uintVar("max_join_size", Both, maxU64, 1, maxU64), (*Values).applyMaxJoin)),
		applied(uintVar("net_read_timeout", Both, 30, 1, year), func(v *Values, text string) { v.NetRead = time.Duration(Int(text)) * time.Second }),
		applied(uintVar("net_write_timeout", Both, 60, 1, year), func(v *Values, text string) { v.NetWrite = time.Duration(Int(text)) * time.Second }),
		applied(uintVar("parser_max_mem_size", Both, maxU64, 10000000, maxU64), func(v *Values, text string) { v.ParserMemory, _ = strconv.ParseUint(text, 10, 64) }),
		applied(&Variable{Name: "max_allowed_packet", Scope: Both, kind: kindUint, def: "67108864", min: 1024, max: limits.Packet, block: 1024}, (*Values).applyMaxPacket),
		uintVar("max_connections", Global, 10000, 1, 100000),
		boolVar("require_secure_transport", Global, "OFF"),
		paired(boolVar("read_only", Global, "OFF"), "super_read_only", func(text string) string {
			if text == "ON" {
				return ""
			}
			return "OFF"
		}),
		paired(boolVar("super_read_only", Global, "OFF"), "read_only", func(text string) string {
			if text == "ON" {
				return text
			}
			return ""
		}),
		boolVar("local_infile", Global, "OFF"),
		boolVar("activate_all_roles_on_login", Global, "OFF"),
		stringVar("mandatory_roles", Global, ""),
		boolVar("partial_revokes", Global, "OFF"),
		uintVar("default_password_lifetime", Global, 0, 0, 65535),
		uintVar("password_history", Global, 0, 0, maxU32),
		uintVar("password_reuse_interval", Global, 0, 0, maxU32),
		boolVar("password_require_current", Global, "OFF"),
		uintVar("generated_random_password_length", Both, 20, 5, 255),
		uintVar("max_user_connections", Both, 0, 0, maxU32),
		uintVar("max_prepared_stmt_count", Global, 16382, 0, 4194304),
		uintVar("connect_timeout", Global, 10, 2, year),
		boolVar("innodb_rollback_on_timeout", Global, "OFF"),                                    // MySQL takes it at its start only
		boolVar("cloudsql_spread_tables", Global, "OFF"),                                        // read by the node: each new table in the emptiest shard
		uintVar("cloudsql_cluster_version_hold", Global, 0, 0, maxU32),                          // read by the reconciler: raise the version no further; 0: as far as it goes
		enumVar("cloudsql_balance", Global, "TABLETS", "OFF", "DATABASES", "TABLES", "TABLETS"), // read by the reconciler: what moves to even out nodes
		uintVar("cloudsql_balance_part_load", Global, 20000, 1, maxU32),                         // … from which reads and writes a second on a database's tables part
		uintVar("cloudsql_balance_part_mb", Global, 1024, 1, maxU32),                            // … or from which size on
		uintVar("cloudsql_replication_factor", Global, 3, 1, 7),                                 // … how many replicas a data shard has, as far as there are nodes
		uintVar("cloudsql_read_replicas", Global, 0, 0, 64),                                     // … and how many beside them that do not vote, and are only read
		boolVar("innodb_stats_auto_recalc", Global, "ON"),                                       // read by the node: tables are looked at again as they grow and shrink
	}},
	{Works, "what validate_password asks of passwords, where it is installed", components(ValidatePassword,
		uintVar("validate_password.length", Global, 8, 0, math.MaxInt32),
		uintVar("validate_password.number_count", Global, 1, 0, math.MaxInt32),
		uintVar("validate_password.mixed_case_count", Global, 1, 0, math.MaxInt32),
		uintVar("validate_password.special_char_count", Global, 1, 0, math.MaxInt32),
		enumVar("validate_password.policy", Global, "MEDIUM", "LOW", "MEDIUM", "STRONG"),
		boolVar("validate_password.check_user_name", Global, "ON"),
	)},
	{Fixed, "validate_password reads no files, and sees no password of before", components(ValidatePassword,
		nullable(fixed(stringVar("validate_password.dictionary_file", Global, ""))),
		fixed(uintVar("validate_password.changed_characters_percentage", Global, 0, 0, 100)),
	)},
	{Tells, "the value is the session's or the server's own; nobody sets it", []*Variable{
		numbered(shown(checked(stringVar("character_set_database", Both, "utf8mb4"), checkCharset))),
		numbered(shown(checked(stringVar("collation_database", Both, "utf8mb4_0900_ai_ci"), checkCollation))),
		{Name: "warning_count", Scope: Session, kind: kindUint, ReadOnly: true,
			live: true},
		{Name: "error_count", Scope: Session, kind: kindUint, ReadOnly: true,
			live: true},
		{Name: "pseudo_thread_id", Scope: Session, kind: kindUint, def: "0", max: maxU32,
			live: true},
		{Name: "external_user", Scope: Session, ReadOnly: true, nullable: true},
		{Name: "proxy_user", Scope: Session, ReadOnly: true, nullable: true},
		live("version", kindString),
		live("cloudsql_history_ms", kindUint), // how old AS OF TIMESTAMP may be
		live("cloudsql_cluster_version", kindUint),
		live("version_comment", kindString),
		live("version_compile_os", kindString),
		live("version_compile_machine", kindString),
		live("hostname", kindString),
		live("port", kindUint),
		live("datadir", kindString),
		nullable(live("secure_file_priv", kindString)),
		live("server_id", kindUint),
		live("server_uuid", kindString),
		live("system_time_zone", kindString),
		live("have_ssl", kindString),
		live("have_openssl", kindString),
	}},
	{Fixed, "there is one way to do it here", []*Variable{
		fixed(checked(enumVar("default_collation_for_utf8mb4", Both, "utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci"), nil)),
		nullable(fixed(stringVar("character_set_filesystem", Both, "binary"))),
		fixed(boolVar("explicit_defaults_for_timestamp", Both, "ON")),
		fixed(boolVar("innodb_table_locks", Both, "ON")),
		fixed(stringVar("lc_messages", Both, "en_US")),
		fixed(stringVar("storage_engine", Both, "InnoDB")),
		fixed(boolVar("profiling", Both, "OFF")),
		fixed(boolVar("sql_log_off", Both, "OFF")),
		fixed(boolVar("show_old_temporals", Both, "OFF")),
		fixed(boolVar("end_markers_in_json", Both, "OFF")),
		fixed(boolVar("print_identified_with_as_hex", Both, "OFF")),
		fixed(boolVar("show_gipk_in_create_table_and_information_schema", Both, "ON")),
		fixed(boolVar("sql_generate_invisible_primary_key", Both, "OFF")),
		fixed(boolVar("binlog_rows_query_log_events", Both, "OFF")),
		{Name: "gtid_next", Scope: Session, def: "AUTOMATIC", fixed: true},
		{Name: "rand_seed1", Scope: Session, kind: kindUint, def: "0", max: maxU32, fixed: true},
		{Name: "rand_seed2", Scope: Session, kind: kindUint, def: "0", max: maxU32, fixed: true},
		{Name: "resultset_metadata", Scope: Session, kind: kindEnum, def: "FULL", values: []string{"NONE", "FULL"}, fixed: true},
		fixed(stringVar("optimizer_trace", Both, "enabled=off,one_line=off")),
		fixed(boolVar("innodb_deadlock_detect", Global, "ON")),
		fixed(boolVar("innodb_print_all_deadlocks", Global, "OFF")),
		fixed(boolVar("innodb_optimize_fulltext_only", Global, "OFF")),
		fixed(boolVar("offline_mode", Global, "OFF")),
		fixed(boolVar("general_log", Global, "OFF")),
		fixed(stringVar("init_connect", Global, "")),
		fixed(enumVar("gtid_mode", Global, "OFF", "OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")),
		fixed(enumVar("enforce_gtid_consistency", Global, "OFF", "OFF", "ON", "WARN")),
		fixed(stringVar("gtid_purged", Global, "")),
		fixed(boolVar("log_queries_not_using_indexes", Global, "OFF")),
		fixed(stringVar("authentication_policy", Global, "*,,")),
		fixed(uintVar("log_error_verbosity", Global, 2, 1, 3)),
	}},
	{Nothing, "a unique key is checked when a row is written; nothing could be put off", []*Variable{
		boolVar("unique_checks", Both, "ON"),
	}},
	{Nothing, "there is no binary log, and no replication but the cluster's own", []*Variable{
		{Name: "sql_log_bin", Scope: Session, kind: kindBool, def: "ON"},
		{Name: "pseudo_slave_mode", Scope: Session, kind: kindBool, def: "OFF"},
		enumVar("binlog_format", Both, "ROW", "MIXED", "STATEMENT", "ROW"),
		enumVar("binlog_row_image", Both, "FULL", "MINIMAL", "NOBLOB", "FULL"),
		boolVar("binlog_direct_non_transactional_updates", Both, "OFF"),
		blocks(uintVar("binlog_cache_size", Global, 32768, 4096, maxU64), 4096),
		blocks(uintVar("max_binlog_size", Global, 1073741824, 4096, 1073741824), 4096),
		uintVar("expire_logs_days", Global, 0, 0, 99),
		uintVar("binlog_expire_logs_seconds", Global, 2592000, 0, maxU32),
		uintVar("sync_binlog", Global, 1, 0, maxU32),
		uintVar("sql_slave_skip_counter", Global, 0, 0, maxU32),
		enumVar("transaction_write_set_extraction", Both, "XXHASH64", "OFF", "MURMUR32", "XXHASH64"),
		enumVar("session_track_gtids", Both, "OFF", "OFF", "OWN_GTID", "ALL_GTIDS"),
	}},
	{Nothing, "the protocol does not offer CLIENT_SESSION_TRACK, without which MySQL tells nobody either", []*Variable{
		boolVar("session_track_schema", Both, "ON"),
		boolVar("session_track_state_change", Both, "OFF"),
		stringVar("session_track_system_variables", Both, "time_zone,autocommit,character_set_client,character_set_results,character_set_connection"),
		enumVar("session_track_transaction_info", Both, "OFF", "OFF", "STATE", "CHARACTERISTICS"),
	}},
	{Nothing, "there are no stored programs", []*Variable{
		uintVar("max_sp_recursion_depth", Both, 0, 0, 255),
		uintVar("stored_program_cache", Global, 256, 16, 524288),
		boolVar("log_bin_trust_function_creators", Global, "OFF"),
		boolVar("automatic_sp_privileges", Global, "ON"),
		enumVar("event_scheduler", Global, "ON", "OFF", "ON"), // what the server is started with, DISABLED, nobody sets
	}},
	{Nothing, "rows of views are known by the keys of their tables, which views have whether or not they show them", []*Variable{
		enumVar("updatable_views_with_limit", Both, "YES", "NO", "YES"),
	}},
	{Nothing, "temporary tables are of one kind, and options of tables that say how an engine stores are kept as they are", []*Variable{
		stringVar("default_tmp_storage_engine", Both, "InnoDB"),
		boolVar("innodb_strict_mode", Both, "ON"),
	}},
	{Nothing, "there are no MyISAM tables", []*Variable{
		uintVar("bulk_insert_buffer_size", Both, 8388608, 0, maxU64),
		uintVar("preload_buffer_size", Both, 32768, 1024, 1073741824),
		blocks(uintVar("key_buffer_size", Global, 8388608, 0, maxU64), 4096),
		boolVar("flush", Global, "OFF"),
		enumVar("concurrent_insert", Global, "AUTO", "NEVER", "AUTO", "ALWAYS"),
		enumVar("delay_key_write", Global, "ON", "OFF", "ON", "ALL"),
		boolVar("low_priority_updates", Both, "OFF"),
		boolVar("keep_files_on_create", Both, "OFF"),
	}},
	{Nothing, "there are no spatial types", []*Variable{
		uintVar("max_points_in_geometry", Both, 65536, 3, 1048576),
	}},
	{Nothing, "there is no full-text index", []*Variable{
		boolVar("innodb_ft_enable_stopword", Both, "ON"),
	}},
	{Nothing, "there is no secondary engine, no NDB, no pool of threads, and no debug build", []*Variable{
		{Name: "use_secondary_engine", Scope: Session, kind: kindEnum, def: "ON", values: []string{"OFF", "ON", "FORCED"}},
		uintVar("secondary_engine_cost_threshold", Session, 100000, 0, maxU64),
		boolVar("transaction_allow_batching", Session, "OFF"),
		uintVar("thread_pool_high_priority_connection", Both, 0, 0, 1),
		stringVar("debug", Both, ""),
		boolVar("new", Both, "OFF"),
	}},
	{Nothing, "there are no profiles", []*Variable{
		uintVar("profiling_history_size", Both, 15, 0, 100),
	}},
	{Nothing, "operators take memory as they need it, up to what a statement may hold, and go on in temporary files", []*Variable{
		blocks(uintVar("join_buffer_size", Both, 262144, 128, maxU64), 128),
		uintVar("sort_buffer_size", Both, 262144, 32768, maxU64),
		blocks(uintVar("max_heap_table_size", Both, 16777216, 16384, maxU64), 1024),
		uintVar("tmp_table_size", Both, 16777216, 1024, maxU64),
		boolVar("big_tables", Both, "OFF"),
		enumVar("internal_tmp_mem_storage_engine", Both, "TempTable", "MEMORY", "TempTable"),
		uintVar("max_length_for_sort_data", Both, 4096, 4, 8388608),
		uintVar("max_sort_length", Both, 1024, 4, 8388608),
		blocks(uintVar("read_buffer_size", Both, 131072, 8192, 2147479552), 4096),
		uintVar("read_rnd_buffer_size", Both, 262144, 1, 2147483647),
		blocks(uintVar("net_buffer_length", Both, 16384, 1024, 1048576), 1024),
		boolVar("sql_buffer_result", Both, "OFF"),
		stringVar("innodb_tmpdir", Both, ""),
	}},
	{Nothing, "memory is not had from pools of blocks", []*Variable{
		blocks(uintVar("query_alloc_block_size", Both, 8192, 1024, maxU32), 1024),
		blocks(uintVar("query_prealloc_size", Both, 8192, 8192, maxU64), 1024),
		blocks(uintVar("range_alloc_block_size", Both, 4096, 4096, maxU32), 1024),
		blocks(uintVar("transaction_alloc_block_size", Both, 8192, 1024, 131072), 1024),
		blocks(uintVar("transaction_prealloc_size", Both, 4096, 1024, 131072), 1024),
	}},
	{Nothing, "it steers the search of an optimizer that this one has nothing in common with", []*Variable{
		uintVar("eq_range_index_dive_limit", Both, 200, 0, maxU32),
		uintVar("max_seeks_for_key", Both, maxU64, 1, maxU64),
		uintVar("optimizer_prune_level", Both, 1, 0, 1),
		uintVar("optimizer_search_depth", Both, 62, 0, 62),
		uintVar("optimizer_trace_limit", Both, 1, 0, maxU32),
		uintVar("optimizer_trace_max_mem_size", Both, 1048576, 0, maxU32),
		{Name: "optimizer_trace_offset", Scope: Both, kind: kindInt, def: "-1", min: 1 << 63, max: math.MaxInt64},
		uintVar("range_optimizer_max_mem_size", Both, 8388608, 0, maxU64),
		boolVar("windowing_use_high_precision", Both, "ON"),
	}},
	{Nothing, "what a COMMIT has told is on the disks of a majority, whatever less is asked for, and a definition changes in the cheapest way that there is", []*Variable{
		uintVar("innodb_flush_log_at_trx_commit", Global, 1, 0, 2),
		boolVar("old_alter_table", Both, "OFF"),
	}},
	{Nothing, "statistics are kept by the cluster and never expire", []*Variable{
		uintVar("histogram_generation_max_mem_size", Both, 20000000, 1000000, maxU64),
		uintVar("information_schema_stats_expiry", Both, 86400, 0, year),
		boolVar("innodb_stats_on_metadata", Global, "OFF"),
		boolVar("innodb_stats_persistent", Global, "ON"),
		uintVar("innodb_stats_persistent_sample_pages", Global, 20, 1, maxU64),
	}},
	{Nothing, "InnoDB's own pages, threads and caches do not exist", []*Variable{
		uintVar("innodb_parallel_read_threads", Session, 4, 1, 256),
		uintVar("innodb_ddl_buffer_size", Session, 1048576, 65536, maxU32),
		uintVar("innodb_ddl_threads", Session, 4, 1, 64),
		uintVar("innodb_io_capacity", Global, 200, 100, maxU64),
		uintVar("innodb_buffer_pool_size", Global, 134217728, 5242880, maxU64),
		boolVar("innodb_file_per_table", Global, "ON"),
		uintVar("innodb_thread_concurrency", Global, 0, 0, 1000),
		enumVar("innodb_default_row_format", Global, "dynamic", "redundant", "compact", "dynamic"),
		boolVar("innodb_adaptive_hash_index", Global, "OFF"),
	}},
	{Nothing, "a connection costs no thread, a table no file, and no host is looked up", []*Variable{
		uintVar("thread_cache_size", Global, 9, 0, 16384),
		uintVar("table_open_cache", Global, 4000, 1, 524288),
		uintVar("table_definition_cache", Global, 2000, 400, 524288),
		uintVar("slow_launch_time", Global, 2, 0, year),
		uintVar("host_cache_size", Global, 279, 0, 65536),
		uintVar("net_retry_count", Both, 10, 1, maxU64),
	}},
	{Nothing, "who fails to log in is slowed down, and no host is shut out", []*Variable{
		uintVar("max_connect_errors", Global, 100, 1, maxU64),
	}},
	{Tells, "MySQL's, for tools that ask before they go on", []*Variable{
		readOnly("version_compile_zlib", "1.2.13"),
		readOnlyInt("protocol_version", 10),
		readOnly("innodb_version", MySQL),
		readOnly("license", "Apache-2.0"),
		readOnly("basedir", "/"),
		readOnly("tmpdir", "/tmp"),
		readOnly("slave_load_tmpdir", "/tmp"),
		readOnly("socket", ""),
		readOnly("pid_file", ""),
		readOnly("log_error", "stderr"),
		readOnly("character_set_system", "utf8mb3"),
		readOnly("character_sets_dir", ""),
		readOnly("default_authentication_plugin", mysql.AuthCachingSha2Password),
		{Name: "disconnect_on_expired_password", Scope: Global, kind: kindBool, def: "ON", ReadOnly: true},
		readOnly("have_compress", "NO"),
		readOnly("have_dynamic_loading", "NO"),
		readOnly("have_geometry", "NO"),
		readOnly("have_profiling", "NO"),
		readOnly("have_query_cache", "NO"),
		readOnly("have_rtree_keys", "NO"),
		readOnly("have_statement_timeout", "YES"),
		readOnly("have_symlink", "DISABLED"),
		readOnlyInt("lower_case_table_names", 0),
		readOnlyBool("lower_case_file_system", "OFF"),
		readOnlyBool("performance_schema", "OFF"),
		readOnlyBool("log_bin", "OFF"),
		readOnlyBool("log_replica_updates", "OFF"),
		readOnlyBool("log_slave_updates", "OFF"),
		readOnlyBool("skip_name_resolve", "ON"),
		readOnlyBool("skip_networking", "OFF"),
		readOnlyBool("skip_external_locking", "ON"),
		readOnlyBool("skip_show_database", "OFF"),
		readOnlyBool("large_files_support", "ON"),
		readOnlyBool("locked_in_memory", "OFF"),
		readOnlyBool("old", "OFF"),
		readOnlyBool("innodb_read_only", "OFF"),
		readOnlyBool("innodb_doublewrite", "ON"),
		readOnlyInt("innodb_autoinc_lock_mode", 2),
		readOnlyInt("innodb_page_size", 16384),
		readOnlyInt("innodb_log_file_size", 50331648),
		readOnlyInt("innodb_log_buffer_size", 16777216),
		readOnlyInt("innodb_open_files", 4000),
		readOnly("innodb_flush_method", "fsync"),
		readOnly("innodb_data_home_dir", ""),
		readOnly("innodb_data_file_path", "ibdata1:12M:autoextend"),
		readOnlyInt("back_log", 151),
		readOnlyInt("open_files_limit", 1048576),
		readOnlyInt("thread_stack", 1048576),
		readOnlyInt("ft_min_word_len", 4),
		readOnlyInt("ft_max_word_len", 84),
		readOnlyInt("ngram_token_size", 2),
		readOnlyInt("max_digest_length", 1024),
		readOnlyInt("performance_schema_max_digest_length", 1024),
		readOnlyInt("performance_schema_max_sql_text_length", 1024),
		readOnlyInt("performance_schema_digests_size", 10000),
		readOnly("gtid_executed", ""),
		readOnly("gtid_owned", ""),
		readOnly("init_file", ""),
		readOnly("bind_address", "*"),
		readOnly("report_host", ""),
		readOnlyInt("report_port", 0),
		readOnly("plugin_dir", ""),
		readOnly("ssl_ca", ""),
		readOnly("ssl_cert", ""),
		readOnly("ssl_key", ""),
		readOnly("ssl_cipher", ""),
		readOnly("tls_version", "TLSv1.2,TLSv1.3"),
		readOnly("thread_handling", "one-thread-per-connection"),
		readOnly("disabled_storage_engines", ""),
	}},
}

func onOff(b bool) string {
	if b {
		return "ON"
	}
	return "OFF"
}
