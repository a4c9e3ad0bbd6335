package show

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/virtual"
	"cloudsql/sql/view"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

func showCreateView(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	o, err := tableOf(c, stmt)
	if err != nil {
		return nil, err
	}
	if o.View == nil {
		return nil, mysqlerr.New(mysqlerr.WrongObject, o.DB, o.Desc.Name, "VIEW")
	}
	return createView(c, &o), nil
}

// createView writes the statement that makes a view again.
func createView(c virtual.Context, o *virtual.Object) *Result {
	if err := o.Broken(c); err != nil { // the statement is shown all the same
		e := mysqlerr.New(mysqlerr.ViewInvalid, o.DB, o.View.Name)
		c.Warn("Warning", e.Code, e.Message)
	}
	v := o.View
	text, short := view.Show(v, o.DB, c.CurrentDB())
	name := quoteName(c, v.Name)
	if !short {
		name = quoteName(c, o.DB) + "." + name
	}
	security := "DEFINER"
	if v.Invoker {
		security = "INVOKER"
	}
	if v.Listed {
		columns := make([]string, len(v.Columns))
		for i, column := range v.Columns {
			columns[i] = quoteName(c, column)
		}
		name += " (" + strings.Join(columns, ",") + ")"
	}
	text = "CREATE ALGORITHM=" + v.Algorithm.String() + " DEFINER=" + quoteName(c, v.DefinerUser) + "@" + quoteName(c, v.DefinerHost) +
		" SQL SECURITY " + security + " VIEW " + name + " AS " + text
	if v.CheckOption != schema.CheckNone {
		text += " WITH " + v.CheckOption.String() + " CHECK OPTION"
	}
	r := newResult("View varchar(64) bin !\n`Create View` longtext bin !\ncharacter_set_client varchar(64) !\ncollation_connection varchar(64) !")
	r.add(types.Str(v.Name), types.Str(text), types.Str(v.Charset), types.Str(v.Collation))
	return r
}

// statusOfView is statusOf: a view has a time and a comment.
func statusOfView(c virtual.Context, o *virtual.Object) []types.Value {
	null, comment := types.Null, "VIEW"
	if err := o.Broken(c); err != nil {
		e := mysqlerr.New(mysqlerr.ViewInvalid, o.DB, o.View.Name)
		comment = e.Message
		c.Warn("Warning", e.Code, e.Message)
	}
	return []types.Value{null, null, null, null, null, null, null, null, null, null, created(c, o.Desc), null, null, null, null, null,
		types.Str(comment)}
}

func infoViews(s *virtual.Scan) error {
	return eachView(s, "table_schema", "table_name", func(o *virtual.Object) error {
		v := o.View
		text := ""
		if s.Access(uint64(mysql.ShowViewPriv), o.DB, v.Name) == nil {
			text = v.Query
		}
		security := "DEFINER"
		if v.Invoker {
			security = "INVOKER"
		}
		return s.Row(types.Str(def), types.Str(o.DB), types.Str(v.Name), types.Str(text), types.Str(v.CheckOption.String()),
			virtual.YesNo(v.Updatable), types.Str(v.DefinerUser+"@"+v.DefinerHost), types.Str(security), types.Str(v.Charset), types.Str(v.Collation))
	})
}

func infoViewTables(s *virtual.Scan) error {
	return eachView(s, "view_schema", "view_name", func(o *virtual.Object) error {
		for _, u := range o.View.Uses {
			if err := s.Row(types.Str(def), types.Str(o.DB), types.Str(o.View.Name), types.Str(def), types.Str(u.DB), types.Str(u.Table)); err != nil {
				return err
			}
		}
		return nil
	})
}

func eachView(s *virtual.Scan, schemaColumn, tableColumn string, fn func(o *virtual.Object) error) error {
	return s.EachTable(schemaColumn, tableColumn, func(o *virtual.Object) error {
		if o.View == nil {
			return nil
		}
		return fn(o)
	})
}
