package show

import (
	"context"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/monitor"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

const def = "def" // the only catalog

func init() {
	virtual.Fill(objectTables())
	virtual.Fill(monitor.Tables())
}

// objectTables make the rows of the tables that tell of objects and accounts.
func objectTables() virtual.Generators {
	return virtual.Generators{
		virtual.InfoSchema: {
			"CHARACTER_SETS":                        infoCharsets,
			"CHECK_CONSTRAINTS":                     infoChecks,
			"COLLATIONS":                            infoCollations,
			"COLLATION_CHARACTER_SET_APPLICABILITY": infoApplicability,
			"COLUMNS":                               infoColumns,
			"COLUMN_STATISTICS":                     infoColumnStatistics,
			"COLUMNS_EXTENSIONS":                    infoColumnsExtensions,
			"ENGINES":                               infoEngines,
			"KEYWORDS":                              infoKeywords,
			"INNODB_COLUMNS":                        innodbColumns,
			"INNODB_FIELDS":                         innodbFields,
			"INNODB_INDEXES":                        innodbIndexes,
			"INNODB_TABLES":                         innodbTables,
			"INNODB_TABLESPACES":                    innodbTablespaces,
			"INNODB_TABLESTATS":                     innodbTableStats,
			"INNODB_FOREIGN":                        innodbForeign,
			"INNODB_FOREIGN_COLS":                   innodbForeignColumns,
			"KEY_COLUMN_USAGE":                      infoKeyColumns,
			"PARTITIONS":                            infoPartitions,
			"PLUGINS":                               infoPlugins,
			"REFERENTIAL_CONSTRAINTS":               infoReferentialConstraints,
			"RESOURCE_GROUPS":                       infoResourceGroups,
			"SCHEMATA":                              infoSchemata,
			"SCHEMATA_EXTENSIONS":                   infoSchemataExtensions,
			"SCHEMA_PRIVILEGES":                     infoSchemaPrivileges,
			"TABLE_PRIVILEGES":                      infoTablePrivileges,
			"COLUMN_PRIVILEGES":                     infoColumnPrivileges,
			"ENABLED_ROLES":                         infoEnabledRoles,
			"APPLICABLE_ROLES":                      infoApplicableRoles,
			"ADMINISTRABLE_ROLE_AUTHORIZATIONS":     infoAdministrableRoles,
			"ROLE_TABLE_GRANTS":                     infoRoleTableGrants,
			"ROLE_COLUMN_GRANTS":                    infoRoleColumnGrants,
			"STATISTICS":                            infoStatistics,
			"TABLES":                                infoTables,
			"TABLES_EXTENSIONS":                     infoTablesExtensions,
			"TABLE_CONSTRAINTS":                     infoConstraints,
			"TABLE_CONSTRAINTS_EXTENSIONS":          infoConstraintsExtensions,
			"USER_ATTRIBUTES":                       infoUserAttributes,
			"USER_PRIVILEGES":                       infoUserPrivileges,
			"VIEWS":                                 infoViews,
			"VIEW_TABLE_USAGE":                      infoViewTables,
		},
		virtual.MySQLDB: {
			"user": mysqlUser, "db": mysqlDatabases, "tables_priv": mysqlTables, "columns_priv": mysqlColumns, "role_edges": mysqlRoleEdges,
			"default_roles": mysqlDefaultRoles, "global_grants": mysqlGlobalGrants,
			"innodb_table_stats": mysqlInnodbTableStats, "innodb_index_stats": mysqlInnodbIndexStats,
			"time_zone": mysqlTimeZones, "time_zone_name": mysqlTimeZoneNames,
		},
		virtual.SysDB: {"version": sysVersion},
	}
}

func infoSchemata(s *virtual.Scan) error {
	return s.EachDatabase("schema_name", func(d *virtual.Database) error {
		return s.Row(types.Str(def), types.Str(d.Name), types.Str(d.Collation.Charset()), types.Str(d.Collation.Name()),
			types.Null, types.Str("NO"))
	})
}

func infoSchemataExtensions(s *virtual.Scan) error {
	return s.EachDatabase("schema_name", func(d *virtual.Database) error {
		return s.Row(types.Str(def), types.Str(d.Name), types.Str(""))
	})
}

func infoTables(s *virtual.Scan) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		status := statusOf(s.Ctx, s, o, asked{
			size: s.Uses("TABLE_ROWS", "AVG_ROW_LENGTH", "DATA_LENGTH"), next: s.Uses("AUTO_INCREMENT"),
		})
		row := append([]types.Value{types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name), types.Str(o.TableType())},
			status...)
		return s.Row(row...)
	})
}

// asked tells what of a table's status its leaseholders would have to be asked for, or its files: of thousands of tables, that takes a while.
type asked struct{ size, next bool }

// statusOf gives what SHOW TABLE STATUS and TABLES have in common: from ENGINE to the comment. What the cluster can't
// tell right now is NULL.
func statusOf(ctx context.Context, c virtual.Context, o *virtual.Object, ask asked) []types.Value {
	null := types.Null
	t := o.Desc
	if o.View != nil {
		return statusOfView(c, o)
	}
	if o.Made != nil {
		engine, comment := null, ""
		if o.DB == virtual.PerfSchema {
			engine = types.Str("PERFORMANCE_SCHEMA")
		}
		return []types.Value{engine, virtual.Num(10), null, virtual.Num(0), virtual.Num(0), virtual.Num(0),
			virtual.Num(0), virtual.Num(0), virtual.Num(0), null, null, null, null,
			null, null, types.Str(""), types.Str(comment)}
	}
	rows, bytes, average := uint64(0), uint64(0), uint64(0)
	if ask.size {
		rows, bytes = rowsOf(c, t)
	}
	if rows > 0 {
		average = bytes / rows
	}
	next := null
	if ask.next {
		if n, err := nextAutoIncrement(ctx, c, t); err == nil && n > 0 {
			next = virtual.Num(n)
		}
	}
	return []types.Value{types.Str("InnoDB"), virtual.Num(10), types.Str(rowFormat(t)), virtual.Num(rows),
		virtual.Num(average), virtual.Num(bytes), virtual.Num(0), virtual.Num(0), virtual.Num(0),
		next, created(c, t), null, null, types.Str(t.Collation.Name()), null,
		types.Str(createOptions(t)),
		types.Str(t.Comment)}
}

// created is CREATE_TIME.
func created(c virtual.Context, t *schema.Table) types.Value {
	return virtual.LocalTime(c, time.UnixMicro(t.CreatedMicros))
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

func infoTablesExtensions(s *virtual.Scan) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		secondary := types.Null
		if v, ok := o.Desc.Options[schema.SecondaryEngineAttribute]; ok {
			secondary = types.Str(v)
		}
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name), types.Null, secondary)
	})
}

// eachColumn calls fn for the columns that the conditions leave; ordinal counts the visible ones from 1.
func eachColumn(s *virtual.Scan, fn func(o *virtual.Object, pos, ordinal int) error) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		if o.Complete(s) != nil {
			return nil // a broken view
		}
		ordinal := 0
		for i := range o.Desc.Columns {
			if o.Desc.Columns[i].Hidden {
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

func infoColumns(s *virtual.Scan) error {
	var of *virtual.Object
	var access func(column string) string
	return eachColumn(s, func(o *virtual.Object, pos, ordinal int) error {
		if of != o {
			of, access = o, columnAccess(s, o)
		}
		c := &o.Desc.Columns[pos]
		privileges := access(c.Name)
		if privileges == "" {
			return nil
		}
		value := types.Null
		if text, ok := defaultText(s, c); ok {
			value = types.Str(text)
		}
		f := shapeOf(&c.Type)
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name), types.Str(c.Name), virtual.Num(ordinal),
			value, virtual.YesNo(!c.NotNull),
			types.Str(c.Type.BaseName()), f.chars, f.octets, f.precision, f.scale, f.fraction, f.charset, f.collation,
			types.Str(c.Type.String()), types.Str(keyOf(o.Desc, pos)), types.Str(extraOf(c)), types.Str(privileges),
			types.Str(c.Comment), types.Str(escaped(c.Generated)), types.Null)
	})
}

func infoColumnsExtensions(s *virtual.Scan) error {
	return eachColumn(s, func(o *virtual.Object, pos, _ int) error {
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name), types.Str(o.Desc.Columns[pos].Name),
			types.Null, types.Null)
	})
}

func infoStatistics(s *virtual.Scan) error {
	return s.EachIndex(func(o *virtual.Object, ix *schema.Index) error {
		for i := range ix.Columns {
			p := partOf(s, o, ix, i)
			err := s.Row(types.Str(def), types.Str(o.DB), types.Str(o.Desc.Name), p.nonUnique, types.Str(o.DB),
				types.Str(ix.Name), p.seq, p.column, p.order,
				p.cardinality, p.prefix, types.Null, p.nullable, types.Str("BTREE"), types.Str(""),
				types.Str(ix.Comment), virtual.YesNo(!ix.Hidden),
				p.expression)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func infoConstraints(s *virtual.Scan) error {
	return eachConstraint(s, func(o *virtual.Object, name, kind string, enforced bool) error {
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(name), types.Str(o.DB), types.Str(o.Desc.Name),
			types.Str(kind), virtual.YesNo(enforced))
	})
}

func infoConstraintsExtensions(s *virtual.Scan) error {
	return eachConstraint(s, func(o *virtual.Object, name, kind string, _ bool) error {
		if kind == "CHECK" {
			return nil
		}
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(name), types.Str(o.Desc.Name), types.Null, types.Null)
	})
}

func eachConstraint(s *virtual.Scan, fn func(o *virtual.Object, name, kind string, enforced bool) error) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		if !s.Wants("constraint_schema", o.DB) {
			return nil
		}
		for _, ix := range virtual.ShownIndexes(o.Desc) {
			kind := "UNIQUE"
			if ix.ID == schema.PrimaryIndex {
				kind = "PRIMARY KEY"
			}
			if !ix.IsUnique() {
				continue
			}
			if err := fn(o, ix.Name, kind, true); err != nil {
				return err
			}
		}
		for _, f := range shownKeys(o.Desc) {
			if err := fn(o, f.Name, "FOREIGN KEY", true); err != nil {
				return err
			}
		}
		for i := range o.Desc.Checks {
			if err := fn(o, o.Desc.Checks[i].Name, "CHECK", o.Desc.Checks[i].Enforced); err != nil {
				return err
			}
		}
		return nil
	})
}

func infoKeyColumns(s *virtual.Scan) error {
	if err := infoForeignKeyColumns(s); err != nil {
		return err
	}
	return s.EachIndex(func(o *virtual.Object, ix *schema.Index) error {
		if !ix.IsUnique() || !s.Wants("constraint_schema", o.DB) || !s.Wants("constraint_name", ix.Name) {
			return nil
		}
		for i, part := range ix.Columns {
			if o.Desc.Columns[part.Column].Hidden {
				continue
			}
			err := s.Row(types.Str(def), types.Str(o.DB), types.Str(ix.Name), types.Str(def), types.Str(o.DB),
				types.Str(o.Desc.Name),
				types.Str(o.Desc.Columns[part.Column].Name), virtual.Num(i+1), types.Null, types.Null, types.Null,
				types.Null)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func infoChecks(s *virtual.Scan) error {
	return s.EachTable("constraint_schema", "", func(o *virtual.Object) error {
		for i := range o.Desc.Checks {
			k := &o.Desc.Checks[i]
			if err := s.Row(types.Str(def), types.Str(o.DB), types.Str(k.Name),
				types.Str(escaped(checkClause(k.Expr)))); err != nil {
				return err
			}
		}
		return nil
	})
}

// infoPartitions has a line for each partition or subpartition, and one for a table without.
func infoPartitions(s *virtual.Scan) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		switch {
		case o.Made != nil || o.View != nil:
			return nil
		case o.Desc.Partitioning == nil:
			null := types.Null
			return partitionLine(s, o, o.Desc, []types.Value{null, null, null, null, null, null, null, null, null}, nil)
		}
		return eachPartition(s, o)
	})
}

// columnAccess tells what the account may do with the columns of a table or view, in lower case: "" where it may not see one.
func columnAccess(c virtual.Context, o *virtual.Object) func(column string) string {
	if o.Made != nil {
		return func(string) string { return "select" }
	}
	var onAll uint64
	for _, p := range columnActions {
		if c.Access(uint64(p.priv), o.DB, o.Desc.Name) == nil {
			onAll |= uint64(p.priv)
		}
	}
	var some map[string]uint64
	if u := c.Account(); u != nil {
		some = u.Tables[o.DB][o.Desc.Name].Columns
	}
	return func(column string) string {
		list := ""
		for _, p := range columnActions {
			if (onAll|some[strings.ToLower(column)])&uint64(p.priv) != 0 {
				list += "," + p.name
			}
		}
		return strings.TrimPrefix(list, ",")
	}
}

// columnActions are the privileges that there are on columns.
var columnActions = []struct {
	priv mysql.PrivilegeType
	name string
}{{mysql.SelectPriv, "select"}, {mysql.InsertPriv, "insert"}, {mysql.UpdatePriv, "update"}, {mysql.ReferencesPriv, "references"}}
