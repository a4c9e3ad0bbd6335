package maintain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/change"
	"cloudsql/sql/show"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
)

// tableNotes are the lines of ANALYZE TABLE and its kin about one table.
type tableNotes struct {
	res       *show.Result
	table, op string
}

func newReport() *show.Result {
	return &show.Result{Fields: []types.Field{
		show.TextField("Table", 128), show.TextField("Op", 10), show.TextField("Msg_type", 10), show.TextField("Msg_text", 196608),
	}}
}

func (n *tableNotes) add(kind, text string) {
	n.res.Rows = append(n.res.Rows, []types.Value{types.Str(n.table), types.Str(n.op), types.Str(kind), types.Str(text)})
}

// missing says that there is no such table.
func (n *tableNotes) missing(db, name string) {
	n.add("Error", mysqlerr.New(mysqlerr.NoSuchTable, db, name).Message)
	n.add("status", "Operation failed")
}

// view is CHECK TABLE of a view; the others are about tables alone.
func (n *tableNotes) view(env *Env, v *schema.View, db string) {
	_, err := env.Views.ViewColumns(v, db)
	switch {
	case n.op != "check":
		n.add("Error", mysqlerr.New(mysqlerr.WrongObject, db, v.Name, "BASE TABLE").Message)
		n.add("status", "Operation failed")
	case err != nil:
		n.add("Error", mysqlerr.New(mysqlerr.ViewInvalid, db, v.Name).Message)
		n.add("error", "Corrupt")
	default:
		n.add("status", "OK")
	}
}

// defaultBuckets is of a histogram for which nobody says how many.
const defaultBuckets = 100

// Env is what a statement is run in.
type Env struct {
	DB     distributed.DB
	Memory *memory.Account
	Now    time.Time
	DBOf   func(name string) (string, error) // the database that a name means
	Views  virtual.Viewer                    // reads views
}

// Report is OPTIMIZE, CHECK and REPAIR TABLE: nothing needs them here, and they say so table by table. Rows and entries of unique keys over
// tablets, which are in several shards, CHECK TABLE compares.
func Report(ctx context.Context, env *Env, op string, names []*ast.TableName) (*show.Result, error) {
	res := newReport()
	for _, n := range names {
		db, err := env.DBOf(n.Schema.O)
		if err != nil {
			return nil, err
		}
		notes := &tableNotes{res: res, table: db + "." + n.Name.O, op: op}
		v, view := env.DB.Catalog().View(db, n.Name.O)
		switch t, ok := env.DB.Catalog().Table(db, n.Name.O); {
		case view:
			notes.view(env, v, db)
		case !ok:
			notes.missing(db, n.Name.O)
		case op == "optimize":
			notes.add("note", "Table does not support optimize, doing recreate + analyze instead")
			notes.add("status", "OK")
		case op == "repair", op == "assign_to_keycache", op == "preload_keys":
			notes.add("note", "The storage engine for the table doesn't support "+op)
		case op == "check":
			if err := notes.check(ctx, env, t); err != nil {
				return nil, err
			}
		default:
			notes.add("status", "OK")
		}
	}
	return res, nil
}

// check is CHECK TABLE.
func (n *tableNotes) check(ctx context.Context, env *Env, t *schema.Table) error {
	names, err := change.Differing(ctx, env.DB, t)
	if err != nil {
		return err
	}
	for _, name := range names {
		n.add("Error", "Index "+name+" has other entries than the table has rows")
	}
	if len(names) > 0 {
		n.add("error", "Corrupt")
	} else {
		n.add("status", "OK")
	}
	return nil
}

// Analyze is ANALYZE TABLE: it looks at the tables' rows, and keeps what it has found in the catalog.
func Analyze(ctx context.Context, env *Env, n *ast.AnalyzeTableStmt) (*show.Result, error) {
	buckets, err := histogramBuckets(n)
	if err != nil {
		return nil, err
	}
	res := newReport()
	histogram := n.HistogramOperation != ast.HistogramOperationNop
	for _, name := range n.TableNames {
		db, err := env.DBOf(name.Schema.O)
		if err != nil {
			return nil, err
		}
		notes := &tableNotes{res: res, table: db + "." + name.Name.O, op: "analyze"}
		t, ok := env.DB.Catalog().Table(db, name.Name.O)
		v, view := env.DB.Catalog().View(db, name.Name.O)
		switch {
		case histogram && view:
			notes.op = "histogram"
			notes.add("Error", "Cannot create histogram statistics for a view.")
			continue
		case view:
			notes.view(env, v, db)
			continue
		case !ok:
			notes.missing(db, name.Name.O)
			continue
		case len(n.PartitionNames) > 0:
			notes.add("Error", mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned).Message)
			notes.add("status", "Operation failed")
			continue
		case !histogram:
			err = collect(ctx, env, t, env.DB.Catalog().Statistics(t.ID))
		default:
			notes.op = "histogram"
			err = histograms(ctx, env, n, t, buckets, notes)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			notes.add("Error", mysqlerr.From(err).Message)
			notes.add("status", "Operation failed")
		case notes.op == "analyze":
			notes.add("status", "OK")
		}
	}
	return res, nil
}

// histogramBuckets reads what ANALYZE TABLE is told beyond tables; what is TiDB's and not MySQL's is refused.
func histogramBuckets(n *ast.AnalyzeTableStmt) (int, error) {
	update := n.HistogramOperation == ast.HistogramOperationUpdate
	if n.IndexFlag || n.Incremental || n.ColumnChoice != ast.DefaultChoice || len(n.AnalyzeOpts) > 0 && !update || len(n.AnalyzeOpts) > 1 {
		return 0, mysqlerr.NotSupported("this form of ANALYZE TABLE")
	}
	if len(n.AnalyzeOpts) == 0 {
		return defaultBuckets, nil
	}
	o := &n.AnalyzeOpts[0]
	if o.Type != ast.AnalyzeOptNumBuckets {
		return 0, mysqlerr.NotSupported("this form of ANALYZE TABLE")
	}
	k, err := strconv.Atoi(fmt.Sprint(o.Value.GetValue()))
	if err != nil || k < 1 || k > statistics.MaxBuckets {
		return 0, mysqlerr.New(mysqlerr.DataOutOfRange, "Number of buckets", "ANALYZE TABLE")
	}
	return k, nil
}

// collect looks at a table's rows as they are now.
func collect(ctx context.Context, env *Env, t *schema.Table, before *statistics.Table) error {
	found, err := distributed.CollectStatistics(ctx, env.DB, t, time.Now(), statistics.Options{
		Seed: rand.Uint64(), Now: env.Now, Before: before, Memory: env.Memory, //nolint:gosec // any seed will do
	})
	if err != nil {
		return err
	}
	return distributed.KeepStatistics(ctx, env.DB, t, found)
}

// histograms is UPDATE HISTOGRAM and DROP HISTOGRAM.
func histograms(ctx context.Context, env *Env, n *ast.AnalyzeTableStmt, t *schema.Table, buckets int, notes *tableNotes) error {
	if t.Temporary() {
		notes.add("Error", "Cannot create histogram statistics for a temporary table.")
		return nil
	}
	update := n.HistogramOperation == ast.HistogramOperationUpdate
	known := env.DB.Catalog().Statistics(t.ID)
	var done []schema.ColumnID
	var names []string
	for _, name := range n.ColumnNames {
		pos := t.ColumnByName(name.O)
		switch {
		case pos < 0 || t.Columns[pos].Hidden:
			notes.add("Error", fmt.Sprintf("The column '%s' does not exist.", name.O))
			continue
		case update && !statistics.Histogrammed(&t.Columns[pos].Type):
			notes.add("Error", fmt.Sprintf("The column '%s' has an unsupported data type.", name.O))
			continue
		case update && uniqueAlone(t, pos):
			notes.add("Error", fmt.Sprintf("The column '%s' is covered by a single-part unique index.", name.O))
			continue
		}
		c := known.Column(t.Columns[pos].ID)
		if !update && (c == nil || c.Specified == 0) {
			notes.add("Error", fmt.Sprintf("No histogram statistics found for column '%s'.", name.O))
			continue
		}
		done, names = append(done, t.Columns[pos].ID), append(names, t.Columns[pos].Name)
	}
	if len(done) == 0 {
		return nil
	}
	verb := "created"
	var err error
	if update {
		err = collect(ctx, env, t, known.Asking(done, buckets))
	} else {
		verb = "removed"
		err = env.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			tx.PutStatistics(t.ID, tx.Snapshot.Statistics(t.ID).Asking(done, 0))
			return nil
		})
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		notes.add("status", fmt.Sprintf("Histogram statistics %s for column '%s'.", verb, name))
	}
	return nil
}

// uniqueAlone tells whether a column is a unique key by itself, which a histogram would tell nothing about.
func uniqueAlone(t *schema.Table, pos int) bool {
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if ix.IsUnique() && len(ix.Columns) == 1 && ix.Columns[0].Column == pos && ix.Columns[0].Prefix == 0 {
			return true
		}
	}
	return false
}
