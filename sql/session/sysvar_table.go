package session

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/dialect"
	"cloudsql/storage/limits"
)

// The tables below hold every variable that the server has. Where a variable has neither apply nor dynamic nor fixed, its
// value changes nothing: those are of two kinds. Some steer how fast another engine does the same (performanceVars).
// Some switch off what this server does not do anyway, so that dumps and drivers that set them mean what they say:
// unique_checks and foreign_key_checks of a load, sql_log_bin, sql_big_selects and kin (marked "nothing to switch off").

func boolVar(name string, sc scope, def string) *sysvar {
	return &sysvar{name: name, scope: sc, kind: kindBool, def: def}
}

func uintVar(name string, sc scope, def, lo, hi uint64) *sysvar {
	return &sysvar{name: name, scope: sc, kind: kindUint, def: strconv.FormatUint(def, 10), min: lo, max: hi}
}

func stringVar(name string, sc scope, def string) *sysvar {
	return &sysvar{name: name, scope: sc, kind: kindString, def: def}
}

func enumVar(name string, sc scope, def string, values ...string) *sysvar {
	return &sysvar{name: name, scope: sc, kind: kindEnum, def: def, values: values}
}

func fixed(v *sysvar) *sysvar { v.fixed = true; return v }

func nullable(v *sysvar) *sysvar { v.nullable = true; return v }

func hinted(v *sysvar) *sysvar { v.hint = true; return v }

func applied(v *sysvar, fn func(s *Session, text string)) *sysvar { v.apply = fn; return v }

func checked(v *sysvar, fn func(s *Session, text string) (string, error)) *sysvar {
	v.check = fn
	return v
}

func dynamic(v *sysvar, get func(s *Session) string, set func(s *Session, text string)) *sysvar {
	v.dynamic, v.apply = get, set
	return v
}

func readOnly(name, value string) *sysvar {
	return &sysvar{name: name, scope: scopeGlobal, def: value, readOnly: true}
}

func readOnlyBool(name, value string) *sysvar {
	return &sysvar{name: name, scope: scopeGlobal, kind: kindBool, def: value, readOnly: true}
}

func readOnlyInt(name string, value uint64) *sysvar {
	return &sysvar{name: name, scope: scopeGlobal, kind: kindUint, def: strconv.FormatUint(value, 10), readOnly: true}
}

func computed(name string, kind varKind, get func(s *Session) string) *sysvar {
	return &sysvar{name: name, scope: scopeGlobal, kind: kind, readOnly: true, dynamic: get}
}

const (
	maxU32 = math.MaxUint32
	maxU64 = math.MaxUint64
	year   = 31536000 // seconds
)

// sessionVars are those that a session follows.
var sessionVars = []*sysvar{
	dynamic(boolVar("autocommit", scopeBoth, "ON"), func(s *Session) string { return onOff(s.autocommit) },
		func(s *Session, v string) { s.autocommit = v == "ON" }),
	hinted(checked(dynamic(stringVar("sql_mode", scopeBoth, defaultSQLMode),
		func(s *Session) string { return s.sqlModeText }, (*Session).applySQLMode), checkSQLMode)),
	hinted(checked(dynamic(stringVar("time_zone", scopeBoth, "SYSTEM"),
		func(s *Session) string { return s.zoneName }, (*Session).applyTimeZone), checkTimeZone)),
	enumVar("transaction_isolation", scopeBoth, "REPEATABLE-READ", dialect.IsolationLevels...),
	boolVar("transaction_read_only", scopeBoth, "OFF"),
	enumVar("completion_type", scopeBoth, "NO_CHAIN", "NO_CHAIN", "CHAIN", "RELEASE"),
	checked(applied(stringVar("character_set_client", scopeBoth, "utf8mb4"), (*Session).applyClientCharset), checkClientCharset),
	checked(applied(stringVar("character_set_connection", scopeBoth, "utf8mb4"), (*Session).applyConnectionCharset), checkCharset),
	nullable(checked(applied(stringVar("character_set_results", scopeBoth, "utf8mb4"), (*Session).applyResultsCharset),
		checkResultsCharset)),
	dynamic(checked(stringVar("character_set_database", scopeBoth, "utf8mb4"), checkCharset),
		func(s *Session) string { return s.databaseCollation().Charset() }, nil),
	dynamic(checked(stringVar("collation_database", scopeBoth, "utf8mb4_0900_ai_ci"), checkCollation),
		func(s *Session) string { return s.databaseCollation().Name() }, nil),
	checked(stringVar("character_set_server", scopeBoth, "utf8mb4"), checkCharset),
	checked(stringVar("collation_server", scopeBoth, "utf8mb4_0900_ai_ci"), checkCollation),
	checked(applied(stringVar("collation_connection", scopeBoth, "utf8mb4_0900_ai_ci"),
		(*Session).applyConnectionCollation), checkCollation),
	checked(enumVar("default_collation_for_utf8mb4", scopeBoth, "utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci"), nil),
	nullable(fixed(stringVar("character_set_filesystem", scopeBoth, "binary"))),
	hinted(applied(uintVar("sql_select_limit", scopeBoth, maxU64, 0, maxU64), func(s *Session, v string) {
		s.selectLimit, _ = strconv.ParseUint(v, 10, 64)
	})),
	hinted(applied(uintVar("max_execution_time", scopeBoth, 0, 0, maxU32), func(s *Session, v string) {
		s.maxExecution = time.Duration(atoi(v)) * time.Millisecond
	})),
	hinted(applied(uintVar("innodb_lock_wait_timeout", scopeBoth, 50, 1, 1<<30), (*Session).applyLockWait)),
	hinted(applied(uintVar("lock_wait_timeout", scopeBoth, year, 1, year), func(s *Session, v string) {
		s.tableLockWait = time.Duration(atoi(v)) * time.Second
	})),
	hinted(applied(uintVar("group_concat_max_len", scopeBoth, 1024, 4, maxU64), func(s *Session, v string) {
		s.groupConcatMax = atoi(v)
	})),
	hinted(applied(boolVar("sql_safe_updates", scopeBoth, "OFF"), func(s *Session, v string) { s.safeUpdates = v == "ON" })),
	hinted(applied(uintVar("cloudsql_read_staleness_ms", scopeBoth, 0, 0, maxStalenessMS), (*Session).applyStaleness)),
	applied(boolVar("sql_notes", scopeBoth, "ON"), func(s *Session, v string) { s.notes = v == "ON" }),
	applied(uintVar("max_error_count", scopeBoth, 1024, 0, 65535), func(s *Session, v string) { s.maxConditions = atoi(v) }),
	boolVar("sql_quote_show_create", scopeBoth, "ON"),
	applied(uintVar("wait_timeout", scopeBoth, 28800, 1, year), func(s *Session, v string) {
		s.waitTimeout = time.Duration(atoi(v)) * time.Second
	}),
	uintVar("interactive_timeout", scopeBoth, 28800, 1, year),
	boolVar("sql_require_primary_key", scopeBoth, "OFF"),
	{name: "timestamp", scope: scopeSession, kind: kindFloat, def: "0",
		dynamic: func(s *Session) string {
			now := s.now()
			return fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
		}, check: checkTimestamp, apply: (*Session).applyTimestamp},
	{name: "last_insert_id", scope: scopeSession, kind: kindUint, def: "0", max: maxU64,
		dynamic: func(s *Session) string { return strconv.FormatUint(s.lastInsertID, 10) },
		apply:   func(s *Session, v string) { s.lastInsertID, _ = strconv.ParseUint(v, 10, 64) }},
	{name: "identity", scope: scopeSession, kind: kindUint, def: "0", max: maxU64,
		dynamic: func(s *Session) string { return strconv.FormatUint(s.lastInsertID, 10) },
		apply:   func(s *Session, v string) { s.lastInsertID, _ = strconv.ParseUint(v, 10, 64) }},
	{name: "warning_count", scope: scopeSession, kind: kindUint, readOnly: true,
		dynamic: func(s *Session) string { return strconv.Itoa(s.conds.previousCount()) }},
	{name: "error_count", scope: scopeSession, kind: kindUint, readOnly: true,
		dynamic: func(s *Session) string { return strconv.Itoa(s.conds.previousErrors()) }},
	{name: "pseudo_thread_id", scope: scopeSession, kind: kindUint, def: "0", max: maxU32,
		dynamic: func(s *Session) string { return strconv.FormatUint(s.ConnectionID(), 10) }, apply: nil},
	{name: "external_user", scope: scopeSession, readOnly: true, nullable: true},
	{name: "proxy_user", scope: scopeSession, readOnly: true, nullable: true},

	// What the server does in one way only.
	fixed(uintVar("auto_increment_increment", scopeBoth, 1, 1, 65535)),
	fixed(uintVar("auto_increment_offset", scopeBoth, 1, 1, 65535)),
	fixed(uintVar("div_precision_increment", scopeBoth, 4, 0, 30)),
	fixed(uintVar("default_week_format", scopeBoth, 0, 0, 7)),
	fixed(boolVar("sql_auto_is_null", scopeBoth, "OFF")),
	fixed(boolVar("explicit_defaults_for_timestamp", scopeBoth, "ON")),
	fixed(boolVar("innodb_strict_mode", scopeBoth, "ON")),
	fixed(boolVar("innodb_table_locks", scopeBoth, "ON")),
	fixed(stringVar("lc_time_names", scopeBoth, "en_US")),
	fixed(stringVar("lc_messages", scopeBoth, "en_US")),
	fixed(stringVar("default_storage_engine", scopeBoth, "InnoDB")),
	fixed(stringVar("storage_engine", scopeBoth, "InnoDB")),
	stringVar("default_tmp_storage_engine", scopeBoth, "InnoDB"),
	fixed(stringVar("block_encryption_mode", scopeBoth, "aes-128-ecb")),
	fixed(uintVar("cte_max_recursion_depth", scopeBoth, 1000, 0, maxU32)),
	fixed(boolVar("keep_files_on_create", scopeBoth, "OFF")),
	fixed(boolVar("profiling", scopeBoth, "OFF")),
	fixed(boolVar("sql_log_off", scopeBoth, "OFF")),
	fixed(boolVar("show_old_temporals", scopeBoth, "OFF")),
	fixed(boolVar("end_markers_in_json", scopeBoth, "OFF")),
	fixed(boolVar("print_identified_with_as_hex", scopeBoth, "OFF")),
	fixed(boolVar("show_gipk_in_create_table_and_information_schema", scopeBoth, "ON")),
	fixed(boolVar("sql_generate_invisible_primary_key", scopeBoth, "OFF")),
	fixed(boolVar("binlog_rows_query_log_events", scopeBoth, "OFF")),
	fixed(boolVar("old_alter_table", scopeBoth, "OFF")),
	{name: "gtid_next", scope: scopeSession, def: "AUTOMATIC", fixed: true},
	{name: "insert_id", scope: scopeSession, kind: kindUint, def: "0", max: maxU64, fixed: true},
	{name: "rand_seed1", scope: scopeSession, kind: kindUint, def: "0", max: maxU32, fixed: true},
	{name: "rand_seed2", scope: scopeSession, kind: kindUint, def: "0", max: maxU32, fixed: true},
	{name: "use_secondary_engine", scope: scopeSession, kind: kindEnum, def: "ON", values: []string{"OFF", "ON", "FORCED"}},

	// Nothing to switch off: no foreign keys, no log of statements, no unique check that could be put off.
	boolVar("unique_checks", scopeBoth, "ON"),
	boolVar("foreign_key_checks", scopeBoth, "ON"),
	{name: "sql_log_bin", scope: scopeSession, kind: kindBool, def: "ON"},
	{name: "pseudo_slave_mode", scope: scopeSession, kind: kindBool, def: "OFF"},
	boolVar("sql_big_selects", scopeBoth, "ON"),
	boolVar("sql_buffer_result", scopeBoth, "OFF"),
	boolVar("sql_warnings", scopeBoth, "OFF"),
	boolVar("big_tables", scopeBoth, "OFF"),
	boolVar("low_priority_updates", scopeBoth, "OFF"),
	boolVar("updatable_views_with_limit", scopeBoth, "ON"),
	boolVar("new", scopeBoth, "OFF"),
	enumVar("binlog_format", scopeBoth, "ROW", "MIXED", "STATEMENT", "ROW"),
	enumVar("binlog_row_image", scopeBoth, "FULL", "MINIMAL", "NOBLOB", "FULL"),
	boolVar("binlog_direct_non_transactional_updates", scopeBoth, "OFF"),
	enumVar("session_track_gtids", scopeBoth, "OFF", "OFF", "OWN_GTID", "ALL_GTIDS"),
	boolVar("session_track_schema", scopeBoth, "ON"),
	boolVar("session_track_state_change", scopeBoth, "OFF"),
	stringVar("session_track_system_variables", scopeBoth, "time_zone,autocommit,character_set_client,character_set_results,character_set_connection"),
	enumVar("session_track_transaction_info", scopeBoth, "OFF", "OFF", "STATE", "CHARACTERISTICS"),
	{name: "resultset_metadata", scope: scopeSession, kind: kindEnum, def: "FULL", values: []string{"NONE", "FULL"}, fixed: true},
}

// performanceVars steer how MySQL spends time and memory on what it does either way.
var performanceVars = []*sysvar{
	uintVar("bulk_insert_buffer_size", scopeBoth, 8388608, 0, maxU64),
	uintVar("eq_range_index_dive_limit", scopeBoth, 200, 0, maxU32),
	uintVar("histogram_generation_max_mem_size", scopeBoth, 20000000, 1000000, maxU64),
	uintVar("information_schema_stats_expiry", scopeBoth, 86400, 0, year),
	enumVar("internal_tmp_mem_storage_engine", scopeBoth, "TempTable", "MEMORY", "TempTable"),
	uintVar("join_buffer_size", scopeBoth, 262144, 128, maxU64),
	uintVar("max_heap_table_size", scopeBoth, 16777216, 16384, maxU64),
	uintVar("max_join_size", scopeBoth, maxU64, 1, maxU64),
	uintVar("max_length_for_sort_data", scopeBoth, 4096, 4, 8388608),
	uintVar("max_points_in_geometry", scopeBoth, 65536, 3, 1048576),
	uintVar("max_seeks_for_key", scopeBoth, maxU64, 1, maxU64),
	uintVar("max_sort_length", scopeBoth, 1024, 4, 8388608),
	uintVar("max_sp_recursion_depth", scopeBoth, 0, 0, 255),
	uintVar("min_examined_row_limit", scopeBoth, 0, 0, maxU64),
	uintVar("net_buffer_length", scopeBoth, 16384, 1024, 1048576),
	uintVar("net_read_timeout", scopeBoth, 30, 1, year),
	uintVar("net_retry_count", scopeBoth, 10, 1, maxU64),
	uintVar("net_write_timeout", scopeBoth, 60, 1, year),
	uintVar("optimizer_prune_level", scopeBoth, 1, 0, 1),
	uintVar("optimizer_search_depth", scopeBoth, 62, 0, 62),
	stringVar("optimizer_switch", scopeBoth, optimizerSwitch),
	stringVar("optimizer_trace", scopeBoth, "enabled=off,one_line=off"),
	uintVar("optimizer_trace_limit", scopeBoth, 1, 0, maxU32),
	uintVar("optimizer_trace_max_mem_size", scopeBoth, 1048576, 0, maxU32),
	{name: "optimizer_trace_offset", scope: scopeBoth, kind: kindInt, def: "-1", min: 1 << 63, max: math.MaxInt64},
	uintVar("parser_max_mem_size", scopeBoth, maxU64, 10000000, maxU64),
	uintVar("preload_buffer_size", scopeBoth, 32768, 1024, 1073741824),
	uintVar("profiling_history_size", scopeBoth, 15, 0, 100),
	uintVar("query_alloc_block_size", scopeBoth, 8192, 1024, maxU32),
	uintVar("query_prealloc_size", scopeBoth, 8192, 8192, maxU64),
	uintVar("range_alloc_block_size", scopeBoth, 4096, 4096, maxU32),
	uintVar("range_optimizer_max_mem_size", scopeBoth, 8388608, 0, maxU64),
	uintVar("read_buffer_size", scopeBoth, 131072, 8192, 2147479552),
	uintVar("read_rnd_buffer_size", scopeBoth, 262144, 1, 2147483647),
	uintVar("secondary_engine_cost_threshold", scopeSession, 100000, 0, maxU64),
	uintVar("sort_buffer_size", scopeBoth, 262144, 32768, maxU64),
	uintVar("thread_pool_high_priority_connection", scopeBoth, 0, 0, 1),
	uintVar("tmp_table_size", scopeBoth, 16777216, 1024, maxU64),
	uintVar("transaction_alloc_block_size", scopeBoth, 8192, 1024, 131072),
	uintVar("transaction_prealloc_size", scopeBoth, 4096, 1024, 131072),
	boolVar("transaction_allow_batching", scopeSession, "OFF"),
	enumVar("transaction_write_set_extraction", scopeBoth, "XXHASH64", "OFF", "MURMUR32", "XXHASH64"),
	boolVar("windowing_use_high_precision", scopeBoth, "ON"),
	{name: "long_query_time", scope: scopeBoth, kind: kindFloat, def: "10.000000"},
	stringVar("debug", scopeBoth, ""),
	uintVar("innodb_parallel_read_threads", scopeSession, 4, 1, 256),
	boolVar("innodb_ft_enable_stopword", scopeBoth, "ON"),
	uintVar("innodb_ddl_buffer_size", scopeSession, 1048576, 65536, maxU32),
	uintVar("innodb_ddl_threads", scopeSession, 4, 1, 64),
	stringVar("innodb_tmpdir", scopeBoth, ""),
	boolVar("innodb_stats_on_metadata", scopeGlobal, "OFF"),
}

const optimizerSwitch = "index_merge=on,index_merge_union=on,index_merge_sort_union=on,index_merge_intersection=on," +
	"engine_condition_pushdown=on,index_condition_pushdown=on,mrr=on,mrr_cost_based=on,block_nested_loop=on," +
	"batched_key_access=off,materialization=on,semijoin=on,loosescan=on,firstmatch=on,duplicateweedout=on," +
	"subquery_materialization_cost_based=on,use_index_extensions=on,condition_fanout_filter=on,derived_merge=on," +
	"use_invisible_indexes=off,skip_scan=on,hash_join=on,subquery_to_derived=off,prefer_ordering_index=on," +
	"hypergraph_optimizer=off,derived_condition_pushdown=on"

// globalVars concern the server as a whole and can be set.
var globalVars = []*sysvar{
	applied(&sysvar{name: "max_allowed_packet", scope: scopeBoth, kind: kindUint, def: "67108864", min: 1024, max: limits.Packet}, (*Session).applyMaxPacket),
	uintVar("max_connections", scopeGlobal, 10000, 1, 100000),
	uintVar("max_user_connections", scopeBoth, 0, 0, maxU32),
	uintVar("max_connect_errors", scopeGlobal, 100, 1, maxU64),
	uintVar("max_prepared_stmt_count", scopeGlobal, 16382, 0, 4194304),
	uintVar("connect_timeout", scopeGlobal, 10, 2, year),
	uintVar("thread_cache_size", scopeGlobal, 9, 0, 16384),
	uintVar("table_open_cache", scopeGlobal, 4000, 1, 524288),
	uintVar("table_definition_cache", scopeGlobal, 2000, 400, 524288),
	uintVar("stored_program_cache", scopeGlobal, 256, 16, 524288),
	uintVar("key_buffer_size", scopeGlobal, 8388608, 0, maxU64),
	uintVar("binlog_cache_size", scopeGlobal, 32768, 4096, maxU64),
	uintVar("max_binlog_size", scopeGlobal, 1073741824, 4096, 1073741824),
	uintVar("expire_logs_days", scopeGlobal, 0, 0, 99),
	uintVar("binlog_expire_logs_seconds", scopeGlobal, 2592000, 0, maxU32),
	uintVar("sync_binlog", scopeGlobal, 1, 0, maxU32),
	uintVar("slow_launch_time", scopeGlobal, 2, 0, year),
	uintVar("host_cache_size", scopeGlobal, 279, 0, 65536),
	uintVar("innodb_buffer_pool_size", scopeGlobal, 134217728, 5242880, maxU64),
	uintVar("innodb_io_capacity", scopeGlobal, 200, 100, maxU64),
	uintVar("innodb_thread_concurrency", scopeGlobal, 0, 0, 1000),
	uintVar("innodb_stats_persistent_sample_pages", scopeGlobal, 20, 1, maxU64),
	enumVar("innodb_default_row_format", scopeGlobal, "dynamic", "redundant", "compact", "dynamic"),
	fixed(uintVar("innodb_flush_log_at_trx_commit", scopeGlobal, 1, 0, 2)),
	fixed(boolVar("innodb_file_per_table", scopeGlobal, "ON")),
	fixed(boolVar("innodb_deadlock_detect", scopeGlobal, "ON")),
	boolVar("innodb_rollback_on_timeout", scopeGlobal, "OFF"), // MySQL takes it at its start only
	boolVar("innodb_stats_persistent", scopeGlobal, "ON"),
	boolVar("innodb_stats_auto_recalc", scopeGlobal, "ON"),
	boolVar("innodb_adaptive_hash_index", scopeGlobal, "OFF"),
	boolVar("innodb_print_all_deadlocks", scopeGlobal, "OFF"),
	fixed(boolVar("innodb_optimize_fulltext_only", scopeGlobal, "OFF")),
	fixed(boolVar("read_only", scopeGlobal, "OFF")),
	fixed(boolVar("super_read_only", scopeGlobal, "OFF")),
	fixed(boolVar("offline_mode", scopeGlobal, "OFF")),
	fixed(boolVar("general_log", scopeGlobal, "OFF")),
	fixed(boolVar("slow_query_log", scopeGlobal, "OFF")),
	fixed(boolVar("local_infile", scopeGlobal, "OFF")),
	fixed(boolVar("require_secure_transport", scopeGlobal, "OFF")),
	fixed(enumVar("event_scheduler", scopeGlobal, "OFF", "OFF", "ON", "DISABLED")),
	fixed(stringVar("init_connect", scopeGlobal, "")),
	fixed(enumVar("gtid_mode", scopeGlobal, "OFF", "OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")),
	fixed(enumVar("enforce_gtid_consistency", scopeGlobal, "OFF", "OFF", "ON", "WARN")),
	fixed(stringVar("gtid_purged", scopeGlobal, "")),
	fixed(uintVar("default_password_lifetime", scopeGlobal, 0, 0, 65535)),
	boolVar("cloudsql_spread_tables", scopeGlobal, "OFF"),               // read by the node: each new table in the emptiest shard
	uintVar("cloudsql_cluster_version_hold", scopeGlobal, 0, 0, maxU32), // read by the reconciler: raise the version no further; 0: as far as it goes
	boolVar("log_bin_trust_function_creators", scopeGlobal, "OFF"),
	boolVar("log_queries_not_using_indexes", scopeGlobal, "OFF"),
	boolVar("flush", scopeGlobal, "OFF"),
	boolVar("automatic_sp_privileges", scopeGlobal, "ON"),
	boolVar("sql_slave_skip_counter", scopeGlobal, "OFF"),
	enumVar("log_output", scopeGlobal, "FILE", "FILE", "TABLE", "NONE"),
	enumVar("concurrent_insert", scopeGlobal, "AUTO", "NEVER", "AUTO", "ALWAYS"),
	enumVar("delay_key_write", scopeGlobal, "ON", "OFF", "ON", "ALL"),
	stringVar("authentication_policy", scopeGlobal, "*,,"),
	uintVar("log_error_verbosity", scopeGlobal, 2, 1, 3),
	uintVar("password_history", scopeGlobal, 0, 0, maxU32),
	uintVar("password_reuse_interval", scopeGlobal, 0, 0, maxU32),
	fixed(boolVar("password_require_current", scopeGlobal, "OFF")),
}

// readOnlyVars tell about the server.
var readOnlyVars = []*sysvar{
	computed("version", kindString, func(s *Session) string { return s.eng.ServerVersion() }),
	computed("cloudsql_history_ms", kindUint, (*Session).historyText), // how old AS OF TIMESTAMP may be
	computed("cloudsql_cluster_version", kindUint, func(s *Session) string {
		return s.eng.db.Catalog().ClusterVersion().Active.Or1().String()
	}),
	computed("version_comment", kindString, func(s *Session) string { return s.eng.cfg.VersionComment }),
	computed("version_compile_os", kindString, func(*Session) string { return runtime.GOOS }),
	computed("version_compile_machine", kindString, func(*Session) string { return compileMachine() }),
	computed("hostname", kindString, func(s *Session) string { return s.eng.cfg.Hostname }),
	computed("port", kindUint, func(s *Session) string { return strconv.Itoa(s.eng.cfg.Port) }),
	computed("datadir", kindString, func(s *Session) string { return s.eng.cfg.DataDir }),
	computed("server_id", kindUint, func(s *Session) string { return strconv.FormatUint(uint64(s.eng.db.NodeID()), 10) }),
	computed("server_uuid", kindString, func(s *Session) string { return s.eng.uuid() }),
	computed("system_time_zone", kindString, func(*Session) string { return systemZoneName() }),
	computed("have_ssl", kindString, func(s *Session) string { return yesDisabled(s.eng.cfg.TLS) }),
	computed("have_openssl", kindString, func(s *Session) string { return yesDisabled(s.eng.cfg.TLS) }),
	readOnly("version_compile_zlib", "1.2.13"),
	readOnlyInt("protocol_version", 10),
	readOnly("innodb_version", mysqlVersion),
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
	nullable(readOnly("secure_file_priv", "")),
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
	readOnly("gtid_executed", ""),
	readOnly("gtid_owned", ""),
	readOnly("init_file", ""),
	readOnly("bind_address", "*"),
	readOnly("report_host", ""),
	readOnlyInt("report_port", 0),
	readOnly("plugin_dir", ""),
	readOnly("ssl_ca", ""), readOnly("ssl_cert", ""), readOnly("ssl_key", ""), readOnly("ssl_cipher", ""),
	readOnly("tls_version", "TLSv1.2,TLSv1.3"),
	readOnly("thread_handling", "one-thread-per-connection"),
	readOnly("disabled_storage_engines", ""),
}

func onOff(b bool) string {
	if b {
		return "ON"
	}
	return "OFF"
}

func yesDisabled(b bool) string {
	if b {
		return "YES"
	}
	return "DISABLED"
}

func compileMachine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}
