package show

import (
	"context"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

const def = "def" // the only catalog

// generators make the rows of the tables that have any, by database and name.
func generators() map[string]map[string]func(s *scan) error {
	return map[string]map[string]func(s *scan) error{
		infoSchema: {
			"CHARACTER_SETS":                        infoCharsets,
			"CHECK_CONSTRAINTS":                     infoChecks,
			"CLUSTER_MEMORY":                        clusterMemory,
			"CLUSTER_NODES":                         clusterNodes,
			"CLUSTER_SHARDS":                        clusterShards,
			"CLUSTER_TABLETS":                       clusterTablets,
			"COLLATIONS":                            infoCollations,
			"COLLATION_CHARACTER_SET_APPLICABILITY": infoApplicability,
			"COLUMNS":                               infoColumns,
			"COLUMN_STATISTICS":                     infoColumnStatistics,
			"COLUMNS_EXTENSIONS":                    infoColumnsExtensions,
			"ENGINES":                               infoEngines,
			"INNODB_TRX":                            infoTransactions,
			"KEYWORDS":                              infoKeywords,
			"KEY_COLUMN_USAGE":                      infoKeyColumns,
			"PARTITIONS":                            infoPartitions,
			"PLUGINS":                               infoPlugins,
			"PROCESSLIST":                           infoProcesses,
			"RESOURCE_GROUPS":                       infoResourceGroups,
			"SCHEMATA":                              infoSchemata,
			"SCHEMATA_EXTENSIONS":                   infoSchemataExtensions,
			"SCHEMA_PRIVILEGES":                     infoSchemaPrivileges,
			"STATISTICS":                            infoStatistics,
			"TABLES":                                infoTables,
			"TABLES_EXTENSIONS":                     infoTablesExtensions,
			"TABLE_CONSTRAINTS":                     infoConstraints,
			"TABLE_CONSTRAINTS_EXTENSIONS":          infoConstraintsExtensions,
			"USER_ATTRIBUTES":                       infoUserAttributes,
			"USER_PRIVILEGES":                       infoUserPrivileges,
		},
		perfSchema: {
			"accounts":                            perfConnected(true, true),
			"data_lock_waits":                     perfLockWaits,
			"data_locks":                          perfLocks,
			"events_statements_summary_by_digest": perfDigests,
			"global_status":                       perfStatus(true),
			"global_variables":                    perfVariables(true),
			"hosts":                               perfConnected(false, true),
			"metadata_locks":                      perfMetadataLocks,
			"processlist":                         perfProcesses,
			"session_account_connect_attrs":       perfConnectAttributes,
			"session_connect_attrs":               perfConnectAttributes,
			"session_status":                      perfStatus(false),
			"session_variables":                   perfVariables(false),
			"threads":                             perfThreads,
			"users":                               perfConnected(true, false),
		},
		mysqlDB: {"user": mysqlUser, "db": mysqlDatabases},
		sysDB:   {"innodb_lock_waits": sysLockWaits, "version": sysVersion},
	}
}

func infoSchemata(s *scan) error {
	return s.eachDatabase("schema_name", func(d *database) error {
		return s.row(str(def), str(d.name), str(d.collation.Charset()), str(d.collation.Name()), types.Null, str("NO"))
	})
}

func infoSchemataExtensions(s *scan) error {
	return s.eachDatabase("schema_name", func(d *database) error { return s.row(str(def), str(d.name), str("")) })
}

func infoTables(s *scan) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		status := statusOf(s.ctx, s, o)
		row := append([]types.Value{str(def), str(o.db), str(o.desc.Name), str(o.tableType())}, status...)
		return s.row(row...)
	})
}

// statusOf gives what SHOW TABLE STATUS and TABLES have in common: from ENGINE to the comment. What the cluster can't
// tell right now is NULL.
func statusOf(ctx context.Context, c Context, o *object) []types.Value {
	null := types.Null
	t := o.desc
	if o.made != nil {
		engine, comment := null, ""
		if o.db == perfSchema {
			engine = str("PERFORMANCE_SCHEMA")
		}
		return []types.Value{engine, num(10), null, num(0), num(0), num(0), num(0), num(0), num(0), null, null, null, null,
			null, null, str(""), str(comment)}
	}
	rows, bytes := rowsOf(c, t)
	average := uint64(0)
	if rows > 0 {
		average = bytes / rows
	}
	next := null
	if n, err := nextAutoIncrement(ctx, c, t); err == nil && n > 0 {
		next = num(n)
	}
	return []types.Value{str("InnoDB"), num(10), str(rowFormat(t)), num(rows), num(average), num(bytes), num(0), num(0), num(0),
		next, localTime(c, time.UnixMicro(t.CreatedMicros)), null, null, str(t.Collation.Name()), null, str(createOptions(t)),
		str(t.Comment)}
}

// rowFormat is what ROW_FORMAT asked for, for that is all that it does.
func rowFormat(t *schema.Table) string {
	switch t.Options["ROW_FORMAT"] {
	case "FIXED":
		return "Fixed"
	case "COMPRESSED":
		return "Compressed"
	case "REDUNDANT":
		return "Redundant"
	case "COMPACT":
		return "Compact"
	}
	return "Dynamic"
}

func infoTablesExtensions(s *scan) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		return s.row(str(def), str(o.db), str(o.desc.Name), types.Null, types.Null)
	})
}

// eachColumn calls fn for the columns that the conditions leave; ordinal counts the visible ones from 1.
func (s *scan) eachColumn(fn func(o *object, pos, ordinal int) error) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		ordinal := 0
		for i := range o.desc.Columns {
			if o.desc.Columns[i].Hidden {
				continue
			}
			ordinal++
			if err := fn(o, i, ordinal); err != nil {
				return err
			}
		}
		return nil
	})
}

func infoColumns(s *scan) error {
	var of *object
	privileges := ""
	return s.eachColumn(func(o *object, pos, ordinal int) error {
		if of != o {
			of, privileges = o, columnPrivileges(s, o)
		}
		c := &o.desc.Columns[pos]
		value := types.Null
		if text, ok := defaultText(s, c); ok {
			value = str(text)
		}
		f := shapeOf(&c.Type)
		return s.row(str(def), str(o.db), str(o.desc.Name), str(c.Name), num(ordinal), value, yesNo(!c.NotNull),
			str(c.Type.BaseName()), f.chars, f.octets, f.precision, f.scale, f.fraction, f.charset, f.collation,
			str(c.Type.String()), str(keyOf(o.desc, pos)), str(extraOf(c)), str(privileges), str(c.Comment), str(""), types.Null)
	})
}

func infoColumnsExtensions(s *scan) error {
	return s.eachColumn(func(o *object, pos, _ int) error {
		return s.row(str(def), str(o.db), str(o.desc.Name), str(o.desc.Columns[pos].Name), types.Null, types.Null)
	})
}

func infoStatistics(s *scan) error {
	return s.eachIndex(func(o *object, ix *schema.Index) error {
		for i := range ix.Columns {
			p := partOf(s, o, ix, i)
			err := s.row(str(def), str(o.db), str(o.desc.Name), p.nonUnique, str(o.db), str(ix.Name), p.seq, p.column, p.order,
				p.cardinality, p.prefix, types.Null, p.nullable, str("BTREE"), str(""), str(ix.Comment), yesNo(!ix.Hidden),
				types.Null)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func infoConstraints(s *scan) error {
	return s.eachConstraint(func(o *object, name, kind string, enforced bool) error {
		return s.row(str(def), str(o.db), str(name), str(o.db), str(o.desc.Name), str(kind), yesNo(enforced))
	})
}

func infoConstraintsExtensions(s *scan) error {
	return s.eachConstraint(func(o *object, name, kind string, _ bool) error {
		if kind == "CHECK" {
			return nil
		}
		return s.row(str(def), str(o.db), str(name), str(o.desc.Name), types.Null, types.Null)
	})
}

func (s *scan) eachConstraint(fn func(o *object, name, kind string, enforced bool) error) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		if !s.wants("constraint_schema", o.db) {
			return nil
		}
		for _, ix := range shownIndexes(o.desc) {
			kind := "UNIQUE"
			if ix.ID == schema.PrimaryIndex {
				kind = "PRIMARY KEY"
			}
			if !ix.Unique {
				continue
			}
			if err := fn(o, ix.Name, kind, true); err != nil {
				return err
			}
		}
		for i := range o.desc.Checks {
			if err := fn(o, o.desc.Checks[i].Name, "CHECK", o.desc.Checks[i].Enforced); err != nil {
				return err
			}
		}
		return nil
	})
}

func infoKeyColumns(s *scan) error {
	return s.eachIndex(func(o *object, ix *schema.Index) error {
		if !ix.Unique || !s.wants("constraint_schema", o.db) || !s.wants("constraint_name", ix.Name) {
			return nil
		}
		for i, part := range ix.Columns {
			err := s.row(str(def), str(o.db), str(ix.Name), str(def), str(o.db), str(o.desc.Name),
				str(o.desc.Columns[part.Column].Name), num(i+1), types.Null, types.Null, types.Null, types.Null)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func infoChecks(s *scan) error {
	return s.eachTable("constraint_schema", "", func(o *object) error {
		for i := range o.desc.Checks {
			k := &o.desc.Checks[i]
			if err := s.row(str(def), str(o.db), str(k.Name), str(checkClause(k.Expr))); err != nil {
				return err
			}
		}
		return nil
	})
}

// infoPartitions has a line for each table, as MySQL has for one without partitions.
func infoPartitions(s *scan) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		if o.made != nil {
			return nil
		}
		rows, bytes := s.DB().TableStats(o.desc)
		average := uint64(0)
		if rows > 0 {
			average = bytes / rows
		}
		null := types.Null
		return s.row(str(def), str(o.db), str(o.desc.Name), null, null, null, null, null, null, null, null, null, num(rows),
			num(average), num(bytes), num(0), num(0), num(0), localTime(s, time.UnixMicro(o.desc.CreatedMicros)), null, null, null,
			str(""), null, null)
	})
}

// columnPrivileges is what the account may do with a table's columns, in lower case.
func columnPrivileges(c Context, o *object) string {
	if o.made != nil {
		return "select"
	}
	list := ""
	for _, p := range []struct {
		priv mysql.PrivilegeType
		name string
	}{{mysql.SelectPriv, "select"}, {mysql.InsertPriv, "insert"}, {mysql.UpdatePriv, "update"}, {mysql.ReferencesPriv, "references"}} {
		if c.Access(uint64(p.priv), o.db, o.desc.Name) == nil {
			if list != "" {
				list += ","
			}
			list += p.name
		}
	}
	return list
}
