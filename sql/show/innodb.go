package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// InnoDB's dictionary as tools read it: tables by number, their columns and indexes. A table's number is its tablespace's, too.

const pageSize = 16384 // of InnoDB, in which sizes are told

func pages(bytes uint64) types.Value { return virtual.Num((bytes + pageSize - 1) / pageSize) }

// eachInnodbTable calls fn for the tables with rows of all databases that the account may see. 1227 without PROCESS.
func eachInnodbTable(s *virtual.Scan, fn func(o *virtual.Object) error) error {
	if err := s.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return err
	}
	return s.EachTable("", "", func(o *virtual.Object) error {
		if o.Made != nil || o.View != nil {
			return nil
		}
		return fn(o)
	})
}

func innodbName(o *virtual.Object) types.Value { return types.Str(o.DB + "/" + o.Desc.Name) }

func innodbTables(s *virtual.Scan) error {
	return eachInnodbTable(s, func(o *virtual.Object) error {
		return s.Row(virtual.Num(uint64(o.Desc.ID)), innodbName(o), virtual.Num(33), virtual.Num(len(shownColumns(o.Desc))+3),
			virtual.Num(uint64(o.Desc.ID)), types.Str(rowFormat(o.Desc)), virtual.Num(0), types.Str("Single"), virtual.Num(0), virtual.Num(0))
	})
}

// shownColumns are the positions of a table's columns but for those that nobody named.
func shownColumns(t *schema.Table) []int {
	var list []int
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			list = append(list, i)
		}
	}
	return list
}

func innodbTableStats(s *virtual.Scan) error {
	return eachInnodbTable(s, func(o *virtual.Object) error {
		rows, bytes := rowsOf(s, o.Desc)
		next, err := nextAutoIncrement(s.Ctx, s, o.Desc)
		if err != nil {
			next = 0
		}
		initialized := "Uninitialized"
		if s.Catalog().Statistics(o.Desc.ID) != nil {
			initialized = "Initialized"
		}
		return s.Row(virtual.Num(uint64(o.Desc.ID)), innodbName(o), types.Str(initialized), virtual.Num(rows), pages(bytes), virtual.Num(0),
			virtual.Num(0), virtual.Num(next), virtual.Num(0))
	})
}

func innodbTablespaces(s *virtual.Scan) error {
	version, _ := s.Variable(true, "version")
	version, _, _ = strings.Cut(version, "-")
	return eachInnodbTable(s, func(o *virtual.Object) error {
		_, bytes := rowsOf(s, o.Desc)
		return s.Row(virtual.Num(uint64(o.Desc.ID)), innodbName(o), virtual.Num(16417), types.Str(rowFormat(o.Desc)), virtual.Num(pageSize),
			virtual.Num(0), types.Str("Single"), virtual.Num(0), virtual.Num(bytes), virtual.Num(bytes), virtual.Num(0), types.Str(version),
			virtual.Num(1), types.Str("N"), types.Str("normal"))
	})
}

func innodbColumns(s *virtual.Scan) error {
	return eachInnodbTable(s, func(o *virtual.Object) error {
		for pos, i := range shownColumns(o.Desc) {
			c := &o.Desc.Columns[i]
			err := s.Row(virtual.Num(uint64(o.Desc.ID)), types.Str(c.Name), virtual.Num(pos), virtual.Num(mainType(&c.Type)),
				virtual.Num(preciseType(c)), virtual.Num(innodbLength(&c.Type)), virtual.Num(0), types.Null)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const latin1Swedish collation.ID = 8

// mainType is MTYPE, by which InnoDB keeps a value's bytes.
func mainType(t *types.Type) int {
	binary := t.Collation == collation.Binary
	switch t.ID {
	case mysql.TypeVarchar, mysql.TypeVarString:
		switch {
		case binary:
			return 4
		case t.Collation == latin1Swedish:
			return 1
		}
		return 12
	case mysql.TypeString:
		switch {
		case binary:
			return 3
		case t.Collation == latin1Swedish:
			return 2
		}
		return 13
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob, mysql.TypeJSON:
		return 5
	case mysql.TypeFloat:
		return 9
	case mysql.TypeDouble:
		return 10
	case mysql.TypeGeometry:
		return 14
	case mysql.TypeNewDecimal, mysql.TypeDatetime, mysql.TypeTimestamp, mysql.TypeDuration, mysql.TypeBit:
		return 3
	}
	return 6 // numbers of bytes: integers, dates, years, enums and sets
}

// preciseType is PRTYPE: the type of MySQL, flags, and the collation of a text.
func preciseType(c *schema.Column) int {
	const notNull, unsigned, binary = 256, 512, 1024
	typ := int(c.Type.ID)
	if c.NotNull {
		typ |= notNull
	}
	if c.Type.Unsigned {
		typ |= unsigned
	}
	if c.Type.Class() == types.ClassString && c.Type.Collation != collation.Binary {
		return typ | int(c.Type.Collation)<<16
	}
	return typ | binary
}

// innodbLength is LEN: how many bytes a value takes, of BLOBs the pointer's and the length's.
func innodbLength(t *types.Type) int {
	switch t.ID {
	case mysql.TypeTinyBlob:
		return 9
	case mysql.TypeBlob:
		return 10
	case mysql.TypeMediumBlob:
		return 11
	case mysql.TypeLongBlob, mysql.TypeJSON, mysql.TypeGeometry:
		return 12
	}
	return t.StorageBytes()
}

// eachInnodbIndex calls fn for the indexes, the one over hidden row ids included, with a number for each.
func eachInnodbIndex(s *virtual.Scan, fn func(o *virtual.Object, ix *schema.Index, id uint64) error) error {
	return eachInnodbTable(s, func(o *virtual.Object) error {
		for i := range o.Desc.Indexes {
			ix := &o.Desc.Indexes[i]
			if ix.State != schema.Public {
				continue
			}
			if err := fn(o, ix, uint64(o.Desc.ID)<<16|uint64(ix.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

func innodbIndexes(s *virtual.Scan) error {
	return eachInnodbIndex(s, func(o *virtual.Object, ix *schema.Index, id uint64) error {
		kind, name, parts := 0, ix.Name, len(ix.Columns)
		switch {
		case ix.ID == schema.PrimaryIndex && o.Desc.HasPrimaryKey():
			kind = 3
		case ix.ID == schema.PrimaryIndex:
			kind, name, parts = 1, "GEN_CLUST_INDEX", 0
		case ix.IsUnique():
			kind = 2
		}
		return s.Row(virtual.Num(id), types.Str(name), virtual.Num(uint64(o.Desc.ID)), virtual.Num(kind), virtual.Num(parts),
			virtual.Num(0), virtual.Num(uint64(o.Desc.ID)), virtual.Num(50))
	})
}

func innodbFields(s *virtual.Scan) error {
	return eachInnodbIndex(s, func(o *virtual.Object, ix *schema.Index, id uint64) error {
		if ix.ID == schema.PrimaryIndex && !o.Desc.HasPrimaryKey() {
			return nil
		}
		for pos := range ix.Columns {
			if err := s.Row(types.Str(virtual.Num(id).Text()), types.Str(o.Desc.Columns[ix.Columns[pos].Column].Name), virtual.Num(pos)); err != nil {
				return err
			}
		}
		return nil
	})
}

// mysqlInnodbTableStats has what is known of tables whose rows were looked at.
func mysqlInnodbTableStats(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, "innodb_table_stats"); err != nil {
		return err
	}
	return s.EachTable("database_name", "table_name", func(o *virtual.Object) error {
		known := s.Catalog().Statistics(o.Desc.ID)
		if o.Made != nil || known == nil {
			return nil
		}
		rows, bytes := rowsOf(s, o.Desc)
		return s.Row(types.Str(o.DB), types.Str(o.Desc.Name), virtual.LocalTime(s, time.UnixMicro(known.Micros)), virtual.Num(rows), pages(bytes), virtual.Num(0))
	})
}

// mysqlInnodbIndexStats tells how many different values the first columns of an index have together.
func mysqlInnodbIndexStats(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, "innodb_index_stats"); err != nil {
		return err
	}
	return s.EachTable("database_name", "table_name", func(o *virtual.Object) error {
		known := s.Catalog().Statistics(o.Desc.ID)
		if o.Made != nil || known == nil {
			return nil
		}
		for _, ix := range virtual.ShownIndexes(o.Desc) {
			columns := ""
			for pos, part := range ix.Columns {
				columns = strings.TrimPrefix(columns+","+o.Desc.Columns[part.Column].Name, ",")
				n := cardinality(s, o, ix, pos)
				if n.IsNull() {
					continue
				}
				err := s.Row(types.Str(o.DB), types.Str(o.Desc.Name), types.Str(ix.Name), virtual.LocalTime(s, time.UnixMicro(known.Micros)),
					types.Str(fmt.Sprintf("n_diff_pfx%02d", pos+1)), n, types.Null, types.Str(columns))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}
