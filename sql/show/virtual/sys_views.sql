# The views of sys, as MySQL 8.0 has them: a name, then its query, indented. statement(q) stands for the first and the last characters
# of a long statement. x$ views are those without formatted times and sizes.

x$processlist
  SELECT t.thread_id AS thd_id, t.processlist_id AS conn_id, CONCAT(t.processlist_user, '@', t.processlist_host) AS user,
    t.processlist_db AS db, t.processlist_command AS command, t.processlist_state AS state, t.processlist_time AS time,
    t.processlist_info AS current_statement, t.execution_engine AS execution_engine, e.timer_wait AS statement_latency,
    CAST(NULL AS DECIMAL(26,2)) AS progress, e.lock_time AS lock_latency, e.cpu_time AS cpu_latency, e.rows_examined AS rows_examined,
    e.rows_sent AS rows_sent, e.rows_affected AS rows_affected, e.created_tmp_tables AS tmp_tables,
    e.created_tmp_disk_tables AS tmp_disk_tables, IF(e.no_good_index_used > 0 OR e.no_index_used > 0, 'YES', 'NO') AS full_scan,
    CAST(NULL AS CHAR(64)) AS last_statement, CAST(NULL AS UNSIGNED) AS last_statement_latency, t.total_memory AS current_memory,
    CAST(NULL AS CHAR(128)) AS last_wait, CAST(NULL AS CHAR(20)) AS last_wait_latency, CAST(NULL AS CHAR(64)) AS source,
    x.timer_wait AS trx_latency, x.state AS trx_state, x.autocommit AS trx_autocommit, p.attr_value AS pid, n.attr_value AS program_name
  FROM performance_schema.threads t
    LEFT JOIN performance_schema.events_statements_current e ON e.thread_id = t.thread_id
    LEFT JOIN performance_schema.events_transactions_current x ON x.thread_id = t.thread_id
    LEFT JOIN performance_schema.session_connect_attrs p ON p.processlist_id = t.processlist_id AND p.attr_name = '_pid'
    LEFT JOIN performance_schema.session_connect_attrs n ON n.processlist_id = t.processlist_id AND n.attr_name = 'program_name'
  ORDER BY t.processlist_time DESC

processlist
  SELECT thd_id, conn_id, user, db, command, state, time, statement(current_statement) AS current_statement, execution_engine,
    FORMAT_PICO_TIME(statement_latency) AS statement_latency, progress, FORMAT_PICO_TIME(lock_latency) AS lock_latency,
    FORMAT_PICO_TIME(cpu_latency) AS cpu_latency, rows_examined, rows_sent, rows_affected, tmp_tables, tmp_disk_tables, full_scan,
    last_statement, FORMAT_PICO_TIME(last_statement_latency) AS last_statement_latency, FORMAT_BYTES(current_memory) AS current_memory,
    last_wait, last_wait_latency, source, FORMAT_PICO_TIME(trx_latency) AS trx_latency, trx_state, trx_autocommit, pid, program_name
  FROM sys.x$processlist ORDER BY time DESC

session
  SELECT thd_id, conn_id, user, db, command, state, time, current_statement, execution_engine, statement_latency, progress, lock_latency,
    cpu_latency, rows_examined, rows_sent, rows_affected, tmp_tables, tmp_disk_tables, full_scan, last_statement, last_statement_latency,
    current_memory, last_wait, last_wait_latency, source, trx_latency, trx_state, trx_autocommit, pid, program_name
  FROM sys.processlist WHERE conn_id IS NOT NULL AND command <> 'Daemon'

x$session
  SELECT thd_id, conn_id, user, db, command, state, time, current_statement, execution_engine, statement_latency, progress, lock_latency,
    cpu_latency, rows_examined, rows_sent, rows_affected, tmp_tables, tmp_disk_tables, full_scan, last_statement, last_statement_latency,
    current_memory, last_wait, last_wait_latency, source, trx_latency, trx_state, trx_autocommit, pid, program_name
  FROM sys.x$processlist WHERE conn_id IS NOT NULL AND command <> 'Daemon'

session_ssl_status
  SELECT v.thread_id AS thread_id, v.variable_value AS ssl_version, c.variable_value AS ssl_cipher, r.variable_value AS ssl_sessions_reused
  FROM performance_schema.status_by_thread v
    LEFT JOIN performance_schema.status_by_thread c ON c.thread_id = v.thread_id AND c.variable_name = 'Ssl_cipher'
    LEFT JOIN performance_schema.status_by_thread r ON r.thread_id = v.thread_id AND r.variable_name = 'Ssl_sessions_reused'
  WHERE v.variable_name = 'Ssl_version'

x$statement_analysis
  SELECT digest_text AS query, schema_name AS db, IF(sum_no_good_index_used > 0 OR sum_no_index_used > 0, '*', '') AS full_scan,
    count_star AS exec_count, sum_errors AS err_count, sum_warnings AS warn_count, sum_timer_wait AS total_latency,
    max_timer_wait AS max_latency, avg_timer_wait AS avg_latency, sum_lock_time AS lock_latency, sum_cpu_time AS cpu_latency,
    sum_rows_sent AS rows_sent, ROUND(IFNULL(sum_rows_sent / NULLIF(count_star, 0), 0), 0) AS rows_sent_avg,
    sum_rows_examined AS rows_examined, ROUND(IFNULL(sum_rows_examined / NULLIF(count_star, 0), 0), 0) AS rows_examined_avg,
    sum_rows_affected AS rows_affected, ROUND(IFNULL(sum_rows_affected / NULLIF(count_star, 0), 0), 0) AS rows_affected_avg,
    sum_created_tmp_tables AS tmp_tables, sum_created_tmp_disk_tables AS tmp_disk_tables, sum_sort_rows AS rows_sorted,
    sum_sort_merge_passes AS sort_merge_passes, max_controlled_memory AS max_controlled_memory, max_total_memory AS max_total_memory,
    digest AS digest, first_seen AS first_seen, last_seen AS last_seen
  FROM performance_schema.events_statements_summary_by_digest ORDER BY sum_timer_wait DESC

statement_analysis
  SELECT statement(query) AS query, db, full_scan, exec_count, err_count, warn_count, FORMAT_PICO_TIME(x.total_latency) AS total_latency,
    FORMAT_PICO_TIME(max_latency) AS max_latency, FORMAT_PICO_TIME(avg_latency) AS avg_latency,
    FORMAT_PICO_TIME(lock_latency) AS lock_latency, FORMAT_PICO_TIME(cpu_latency) AS cpu_latency, rows_sent, rows_sent_avg, rows_examined,
    rows_examined_avg, rows_affected, rows_affected_avg, tmp_tables, tmp_disk_tables, rows_sorted, sort_merge_passes,
    FORMAT_BYTES(max_controlled_memory) AS max_controlled_memory, FORMAT_BYTES(max_total_memory) AS max_total_memory, digest, first_seen,
    last_seen
  FROM sys.x$statement_analysis x ORDER BY x.total_latency DESC

x$statements_with_errors_or_warnings
  SELECT digest_text AS query, schema_name AS db, count_star AS exec_count, sum_errors AS errors,
    IFNULL(sum_errors / NULLIF(count_star, 0), 0) * 100 AS error_pct, sum_warnings AS warnings,
    IFNULL(sum_warnings / NULLIF(count_star, 0), 0) * 100 AS warning_pct, first_seen AS first_seen, last_seen AS last_seen, digest AS digest
  FROM performance_schema.events_statements_summary_by_digest WHERE sum_errors > 0 OR sum_warnings > 0
  ORDER BY sum_errors DESC, sum_warnings DESC

statements_with_errors_or_warnings
  SELECT statement(query) AS query, db, exec_count, errors, error_pct, warnings, warning_pct, first_seen, last_seen, digest
  FROM sys.x$statements_with_errors_or_warnings ORDER BY errors DESC, warnings DESC

x$statements_with_full_table_scans
  SELECT digest_text AS query, schema_name AS db, count_star AS exec_count, sum_timer_wait AS total_latency,
    sum_no_index_used AS no_index_used_count, sum_no_good_index_used AS no_good_index_used_count,
    ROUND(IFNULL(sum_no_index_used / NULLIF(count_star, 0), 0) * 100, 0) AS no_index_used_pct, sum_rows_sent AS rows_sent,
    sum_rows_examined AS rows_examined, ROUND(sum_rows_sent / count_star, 0) AS rows_sent_avg,
    ROUND(sum_rows_examined / count_star, 0) AS rows_examined_avg, first_seen AS first_seen, last_seen AS last_seen, digest AS digest
  FROM performance_schema.events_statements_summary_by_digest
  WHERE (sum_no_index_used > 0 OR sum_no_good_index_used > 0) AND digest_text NOT LIKE 'SHOW%'
  ORDER BY no_index_used_pct DESC, sum_timer_wait DESC

statements_with_full_table_scans
  SELECT statement(query) AS query, db, exec_count, FORMAT_PICO_TIME(x.total_latency) AS total_latency, no_index_used_count,
    no_good_index_used_count, no_index_used_pct, rows_sent, rows_examined, rows_sent_avg, rows_examined_avg, first_seen, last_seen, digest
  FROM sys.x$statements_with_full_table_scans x ORDER BY no_index_used_pct DESC, x.total_latency DESC

x$statements_with_sorting
  SELECT digest_text AS query, schema_name AS db, count_star AS exec_count, sum_timer_wait AS total_latency,
    sum_sort_merge_passes AS sort_merge_passes, ROUND(IFNULL(sum_sort_merge_passes / NULLIF(count_star, 0), 0), 0) AS avg_sort_merges,
    sum_sort_scan AS sorts_using_scans, sum_sort_range AS sort_using_range, sum_sort_rows AS rows_sorted,
    ROUND(IFNULL(sum_sort_rows / NULLIF(count_star, 0), 0), 0) AS avg_rows_sorted, first_seen AS first_seen, last_seen AS last_seen,
    digest AS digest
  FROM performance_schema.events_statements_summary_by_digest WHERE sum_sort_rows > 0 ORDER BY sum_timer_wait DESC

statements_with_sorting
  SELECT statement(query) AS query, db, exec_count, FORMAT_PICO_TIME(x.total_latency) AS total_latency, sort_merge_passes, avg_sort_merges,
    sorts_using_scans, sort_using_range, rows_sorted, avg_rows_sorted, first_seen, last_seen, digest
  FROM sys.x$statements_with_sorting x ORDER BY x.total_latency DESC

x$statements_with_temp_tables
  SELECT digest_text AS query, schema_name AS db, count_star AS exec_count, sum_timer_wait AS total_latency,
    sum_created_tmp_tables AS memory_tmp_tables, sum_created_tmp_disk_tables AS disk_tmp_tables,
    ROUND(IFNULL(sum_created_tmp_tables / NULLIF(count_star, 0), 0), 0) AS avg_tmp_tables_per_query,
    ROUND(IFNULL(sum_created_tmp_disk_tables / NULLIF(sum_created_tmp_tables, 0), 0) * 100, 0) AS tmp_tables_to_disk_pct,
    first_seen AS first_seen, last_seen AS last_seen, digest AS digest
  FROM performance_schema.events_statements_summary_by_digest WHERE sum_created_tmp_tables > 0
  ORDER BY sum_created_tmp_disk_tables DESC, sum_created_tmp_tables DESC

statements_with_temp_tables
  SELECT statement(query) AS query, db, exec_count, FORMAT_PICO_TIME(total_latency) AS total_latency, memory_tmp_tables, disk_tmp_tables,
    avg_tmp_tables_per_query, tmp_tables_to_disk_pct, first_seen, last_seen, digest
  FROM sys.x$statements_with_temp_tables ORDER BY disk_tmp_tables DESC, memory_tmp_tables DESC

x$statements_with_runtimes_in_95th_percentile
  SELECT s.query AS query, s.db AS db, s.full_scan AS full_scan, s.exec_count AS exec_count, s.err_count AS err_count,
    s.warn_count AS warn_count, s.total_latency AS total_latency, s.max_latency AS max_latency, s.avg_latency AS avg_latency,
    s.rows_sent AS rows_sent, s.rows_sent_avg AS rows_sent_avg, s.rows_examined AS rows_examined,
    s.rows_examined_avg AS rows_examined_avg, s.first_seen AS first_seen, s.last_seen AS last_seen, s.digest AS digest
  FROM (SELECT a.*, CUME_DIST() OVER (ORDER BY a.avg_latency) AS share FROM sys.x$statement_analysis a) s
  WHERE s.share > 0.95 ORDER BY s.avg_latency DESC

statements_with_runtimes_in_95th_percentile
  SELECT statement(query) AS query, db, full_scan, exec_count, err_count, warn_count, FORMAT_PICO_TIME(total_latency) AS total_latency,
    FORMAT_PICO_TIME(max_latency) AS max_latency, FORMAT_PICO_TIME(x.avg_latency) AS avg_latency, rows_sent, rows_sent_avg, rows_examined,
    rows_examined_avg, first_seen, last_seen, digest
  FROM sys.x$statements_with_runtimes_in_95th_percentile x ORDER BY x.avg_latency DESC

x$host_summary
  SELECT IF(a.host IS NULL, 'background', a.host) AS host, CAST(NULL AS DECIMAL(64,0)) AS statements,
    CAST(NULL AS DECIMAL(64,0)) AS statement_latency, CAST(NULL AS DECIMAL(65,4)) AS statement_avg_latency,
    CAST(NULL AS DECIMAL(65,0)) AS table_scans, CAST(NULL AS DECIMAL(64,0)) AS file_ios, CAST(NULL AS DECIMAL(64,0)) AS file_io_latency,
    SUM(a.current_connections) AS current_connections, SUM(a.total_connections) AS total_connections,
    COUNT(DISTINCT a.user) AS unique_users, CAST(NULL AS DECIMAL(63,0)) AS current_memory, CAST(NULL AS DECIMAL(64,0)) AS total_memory_allocated
  FROM performance_schema.accounts a GROUP BY IF(a.host IS NULL, 'background', a.host)

host_summary
  SELECT host, statements, FORMAT_PICO_TIME(statement_latency) AS statement_latency,
    FORMAT_PICO_TIME(statement_avg_latency) AS statement_avg_latency, table_scans, file_ios,
    FORMAT_PICO_TIME(file_io_latency) AS file_io_latency, current_connections, total_connections, unique_users,
    FORMAT_BYTES(current_memory) AS current_memory, FORMAT_BYTES(total_memory_allocated) AS total_memory_allocated
  FROM sys.x$host_summary

x$user_summary
  SELECT IF(a.user IS NULL, 'background', a.user) AS user, CAST(NULL AS DECIMAL(64,0)) AS statements,
    CAST(NULL AS DECIMAL(64,0)) AS statement_latency, CAST(NULL AS DECIMAL(65,4)) AS statement_avg_latency,
    CAST(NULL AS DECIMAL(65,0)) AS table_scans, CAST(NULL AS DECIMAL(64,0)) AS file_ios, CAST(NULL AS DECIMAL(64,0)) AS file_io_latency,
    SUM(a.current_connections) AS current_connections, SUM(a.total_connections) AS total_connections,
    COUNT(DISTINCT a.host) AS unique_hosts, CAST(NULL AS DECIMAL(63,0)) AS current_memory, CAST(NULL AS DECIMAL(64,0)) AS total_memory_allocated
  FROM performance_schema.accounts a GROUP BY IF(a.user IS NULL, 'background', a.user)

user_summary
  SELECT user, statements, FORMAT_PICO_TIME(statement_latency) AS statement_latency,
    FORMAT_PICO_TIME(statement_avg_latency) AS statement_avg_latency, table_scans, file_ios,
    FORMAT_PICO_TIME(file_io_latency) AS file_io_latency, current_connections, total_connections, unique_hosts,
    FORMAT_BYTES(current_memory) AS current_memory, FORMAT_BYTES(total_memory_allocated) AS total_memory_allocated
  FROM sys.x$user_summary

x$schema_flattened_keys
  SELECT table_schema AS table_schema, table_name AS table_name, index_name AS index_name, MAX(non_unique) AS non_unique,
    MAX(sub_part IS NOT NULL) AS subpart_exists, GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ',') AS index_columns
  FROM information_schema.statistics
  WHERE index_type = 'BTREE' AND table_schema NOT IN ('mysql', 'sys', 'INFORMATION_SCHEMA', 'PERFORMANCE_SCHEMA')
  GROUP BY table_schema, table_name, index_name

schema_redundant_indexes
  SELECT r.table_schema AS table_schema, r.table_name AS table_name, r.index_name AS redundant_index_name,
    r.index_columns AS redundant_index_columns, r.non_unique AS redundant_index_non_unique, d.index_name AS dominant_index_name,
    d.index_columns AS dominant_index_columns, d.non_unique AS dominant_index_non_unique,
    IF(r.subpart_exists OR d.subpart_exists, 1, 0) AS subpart_exists,
    CONCAT('ALTER TABLE `', r.table_schema, '`.`', r.table_name, '` DROP INDEX `', r.index_name, '`') AS sql_drop_index
  FROM sys.x$schema_flattened_keys r
    JOIN sys.x$schema_flattened_keys d ON r.table_schema = d.table_schema AND r.table_name = d.table_name
  WHERE r.index_name <> d.index_name AND (
    r.index_columns = d.index_columns AND (r.non_unique > d.non_unique
      OR r.non_unique = d.non_unique AND IF(r.index_name = 'PRIMARY', '', r.index_name) > IF(d.index_name = 'PRIMARY', '', d.index_name))
    OR r.non_unique = 1 AND LOCATE(CONCAT(r.index_columns, ','), d.index_columns) = 1
    OR d.non_unique = 0 AND LOCATE(CONCAT(d.index_columns, ','), r.index_columns) = 1)

schema_auto_increment_columns
  SELECT s.table_schema AS table_schema, s.table_name AS table_name, s.column_name AS column_name, s.data_type AS data_type,
    s.column_type AS column_type, s.is_signed AS is_signed, s.is_unsigned AS is_unsigned, s.max_value AS max_value,
    s.auto_increment AS auto_increment, s.auto_increment / s.max_value AS auto_increment_ratio
  FROM (SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.column_type, LOCATE('unsigned', c.column_type) = 0 AS is_signed,
      LOCATE('unsigned', c.column_type) > 0 AS is_unsigned,
      CASE c.data_type WHEN 'tinyint' THEN 255 WHEN 'smallint' THEN 65535 WHEN 'mediumint' THEN 16777215 WHEN 'int' THEN 4294967295
        WHEN 'bigint' THEN 18446744073709551615 END >> IF(LOCATE('unsigned', c.column_type) > 0, 0, 1) AS max_value, t.auto_increment
    FROM information_schema.columns c
      JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema NOT IN ('mysql', 'sys', 'INFORMATION_SCHEMA', 'performance_schema') AND t.table_type = 'BASE TABLE'
      AND c.extra = 'auto_increment') s
  ORDER BY auto_increment_ratio DESC, max_value

schema_object_overview
  SELECT routine_schema AS db, CAST(routine_type AS CHAR(64)) AS object_type, COUNT(*) AS count
  FROM information_schema.routines GROUP BY routine_schema, routine_type
  UNION SELECT table_schema, CAST(table_type AS CHAR(64)), COUNT(*) FROM information_schema.tables GROUP BY table_schema, table_type
  UNION SELECT table_schema, CONCAT('INDEX (', index_type, ')'), COUNT(*) FROM information_schema.statistics
    GROUP BY table_schema, index_type
  UNION SELECT trigger_schema, 'TRIGGER', COUNT(*) FROM information_schema.triggers GROUP BY trigger_schema
  UNION SELECT event_schema, 'EVENT', COUNT(*) FROM information_schema.events GROUP BY event_schema
  ORDER BY db, object_type

x$schema_table_lock_waits
  SELECT g.object_schema AS object_schema, g.object_name AS object_name, p.owner_thread_id AS waiting_thread_id,
    w.processlist_id AS waiting_pid, CONCAT(w.processlist_user, '@', w.processlist_host) AS waiting_account, p.lock_type AS waiting_lock_type,
    p.lock_duration AS waiting_lock_duration, w.processlist_info AS waiting_query, w.processlist_time AS waiting_query_secs,
    s.rows_affected AS waiting_query_rows_affected, s.rows_examined AS waiting_query_rows_examined, g.owner_thread_id AS blocking_thread_id,
    b.processlist_id AS blocking_pid, CONCAT(b.processlist_user, '@', b.processlist_host) AS blocking_account,
    g.lock_type AS blocking_lock_type, g.lock_duration AS blocking_lock_duration, CONCAT('KILL QUERY ', b.processlist_id) AS sql_kill_blocking_query,
    CONCAT('KILL ', b.processlist_id) AS sql_kill_blocking_connection
  FROM performance_schema.metadata_locks g
    JOIN performance_schema.metadata_locks p ON g.object_type = p.object_type AND g.object_schema = p.object_schema
      AND g.object_name = p.object_name AND g.lock_status = 'GRANTED' AND p.lock_status = 'PENDING'
    JOIN performance_schema.threads b ON g.owner_thread_id = b.thread_id
    JOIN performance_schema.threads w ON p.owner_thread_id = w.thread_id
    LEFT JOIN performance_schema.events_statements_current s ON p.owner_thread_id = s.thread_id
  WHERE g.object_type = 'TABLE'

schema_table_lock_waits
  SELECT object_schema, object_name, waiting_thread_id, waiting_pid, waiting_account, waiting_lock_type, waiting_lock_duration,
    statement(waiting_query) AS waiting_query, waiting_query_secs, waiting_query_rows_affected, waiting_query_rows_examined,
    blocking_thread_id, blocking_pid, blocking_account, blocking_lock_type, blocking_lock_duration, sql_kill_blocking_query,
    sql_kill_blocking_connection
  FROM sys.x$schema_table_lock_waits

metrics
  SELECT LOWER(variable_name) AS Variable_name, variable_value AS Variable_value, 'Global Status' AS Type, 'YES' AS Enabled
  FROM performance_schema.global_status
  UNION ALL SELECT name, CAST(count AS CHAR(20)), CONCAT('InnoDB Metrics - ', subsystem), IF(status = 'enabled', 'YES', 'NO')
    FROM information_schema.innodb_metrics
  UNION ALL SELECT 'memory_current_allocated', CAST(SUM(current_number_of_bytes_used) AS CHAR(20)), 'Performance Schema', 'YES'
    FROM performance_schema.memory_summary_global_by_event_name WHERE event_name LIKE 'memory/process/%'
  UNION ALL SELECT 'NOW()', CAST(NOW(3) AS CHAR(30)), 'System Time', 'YES'
  UNION ALL SELECT 'UNIX_TIMESTAMP()', CAST(ROUND(UNIX_TIMESTAMP(NOW(3)), 3) AS CHAR(30)), 'System Time', 'YES'
  ORDER BY Type, Variable_name

x$memory_global_total
  SELECT SUM(current_number_of_bytes_used) AS total_allocated
  FROM performance_schema.memory_summary_global_by_event_name WHERE event_name LIKE 'memory/process/%'

memory_global_total
  SELECT FORMAT_BYTES(total_allocated) AS total_allocated FROM sys.x$memory_global_total

x$memory_global_by_current_bytes
  SELECT event_name AS event_name, current_count_used AS current_count, current_number_of_bytes_used AS current_alloc,
    IFNULL(current_number_of_bytes_used / NULLIF(current_count_used, 0), 0) AS current_avg_alloc, high_count_used AS high_count,
    high_number_of_bytes_used AS high_alloc, IFNULL(high_number_of_bytes_used / NULLIF(high_count_used, 0), 0) AS high_avg_alloc
  FROM performance_schema.memory_summary_global_by_event_name
  WHERE current_number_of_bytes_used > 0 AND event_name NOT LIKE 'memory/process/%' ORDER BY current_number_of_bytes_used DESC

memory_global_by_current_bytes
  SELECT event_name, current_count, FORMAT_BYTES(x.current_alloc) AS current_alloc, FORMAT_BYTES(current_avg_alloc) AS current_avg_alloc,
    high_count, FORMAT_BYTES(high_alloc) AS high_alloc, FORMAT_BYTES(high_avg_alloc) AS high_avg_alloc
  FROM sys.x$memory_global_by_current_bytes x ORDER BY x.current_alloc DESC

schema_index_statistics
  SELECT object_schema AS table_schema, object_name AS table_name, index_name AS index_name, count_fetch AS rows_selected,
    FORMAT_PICO_TIME(sum_timer_fetch) AS select_latency, count_insert AS rows_inserted, FORMAT_PICO_TIME(sum_timer_insert) AS insert_latency,
    count_update AS rows_updated, FORMAT_PICO_TIME(sum_timer_update) AS update_latency, count_delete AS rows_deleted,
    FORMAT_PICO_TIME(sum_timer_delete) AS delete_latency
  FROM performance_schema.table_io_waits_summary_by_index_usage WHERE index_name IS NOT NULL ORDER BY sum_timer_wait DESC

schema_tables_with_full_table_scans
  SELECT object_schema AS object_schema, object_name AS object_name, count_read AS rows_full_scanned, FORMAT_PICO_TIME(sum_timer_wait) AS latency
  FROM performance_schema.table_io_waits_summary_by_index_usage WHERE index_name IS NULL AND count_read > 0 ORDER BY count_read DESC

schema_unused_indexes
  SELECT t.object_schema AS object_schema, t.object_name AS object_name, t.index_name AS index_name
  FROM performance_schema.table_io_waits_summary_by_index_usage t
  WHERE t.index_name IS NOT NULL AND t.count_star = 0 AND t.object_schema <> 'mysql' AND t.index_name <> 'PRIMARY'
  ORDER BY t.object_schema, t.object_name

ps_check_lost_instrumentation
  SELECT variable_name AS variable_name, variable_value AS variable_value FROM performance_schema.global_status
  WHERE variable_name LIKE 'perf%lost' AND variable_value > 0

x$waits_global_by_latency
  SELECT event_name AS events, count_star AS total, sum_timer_wait AS total_latency, avg_timer_wait AS avg_latency, max_timer_wait AS max_latency
  FROM performance_schema.events_waits_summary_global_by_event_name WHERE event_name <> 'idle' AND sum_timer_wait > 0
  ORDER BY sum_timer_wait DESC

waits_global_by_latency
  SELECT events, total, FORMAT_PICO_TIME(x.total_latency) AS total_latency, FORMAT_PICO_TIME(avg_latency) AS avg_latency,
    FORMAT_PICO_TIME(max_latency) AS max_latency
  FROM sys.x$waits_global_by_latency x ORDER BY x.total_latency DESC
