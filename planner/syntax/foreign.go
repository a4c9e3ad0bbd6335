package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
	"cloudsql/storage/mysqlerr"
)

// What the parser reads and MySQL 8.0 does not: clauses of MariaDB's, and of the server that the parser was written for. They are
// errors of syntax, near the word that MySQL would stumble over.

// stumble is where MySQL would: words in lower case, of which the last but after follow the ones that it can still read.
type stumble struct {
	words string
	after int      // how many of the words MySQL reads
	outer bool     // outside of parentheses only
	other *stumble // where the words are not there
}

func at(words string) *stumble                { return &stumble{words: words} }
func behind(words string, after int) *stumble { return &stumble{words: words, after: after} }
func (s *stumble) outside() *stumble          { s.outer = true; return s }
func firstOf(list ...*stumble) (first *stumble) {
	for _, s := range list {
		if s != nil {
			return s
		}
	}
	return nil
}

// foreign is 1064 for a statement that MySQL 8.0 could not read.
func foreign(n ast.StmtNode, text string, o Options) error {
	lexemes := func() []lexeme {
		s := newScanner(text, o.Mode)
		return s.lexemes()
	}
	near := -1
	if s := foreignStatement(n, text); s != nil {
		near = s.find(lexemes(), len(text))
	} else if mentions(text, "fetch") { // the tree has a LIMIT
		near = max(at("fetch first").find(lexemes(), -1), at("fetch next").find(lexemes(), -1))
	} else if mentions(text, "group") && mentions(text, "asc", "desc") {
		near = groupDirection(lexemes())
	}
	if near < 0 {
		return nil
	}
	return mysqlerr.SyntaxAt(text, near)
}

// groupDirection is where ASC or DESC of a GROUP BY stands, which are gone in MySQL 8.0; -1: nowhere.
func groupDirection(list []lexeme) int {
	depth := -1 // of the list that goes on
	for i, l := range list {
		switch {
		case l.word == "by" && i > 0 && list[i-1].word == "group":
			depth = l.depth
		case l.depth < depth, l.depth == depth && strings.Contains(" with having window order limit into for lock union intersect except on ; ", " "+l.word+" "):
			depth = -1
		case l.depth == depth && (l.word == "asc" || l.word == "desc"):
			return l.from
		}
	}
	return -1
}

// find gives where the words stand in a text; where they do not, end.
func (s *stumble) find(list []lexeme, end int) int {
	words := strings.Fields(s.words)
	for i, l := range list {
		if s.outer && l.depth > 0 || i+len(words) > len(list) {
			continue
		}
		same := true
		for j, w := range words {
			same = same && (w == "?" || list[i+j].word == w)
		}
		switch {
		case !same:
		case i+s.after < len(list):
			return list[i+s.after].from
		default:
			return end
		}
	}
	if s.other != nil {
		return s.other.find(list, end)
	}
	return end
}

// foreignStatement finds what of a statement is not MySQL's; nil where all is.
func foreignStatement(n ast.StmtNode, text string) *stumble {
	switch n := n.(type) {
	case nil:
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		if d, ok := n.(*ast.DeleteStmt); ok && !d.IsMultiTable {
			if s := hinted(d); s != nil {
				return s
			}
		}
		if !mentions(text, "wait", "tablesample") {
			return nil // trees may be large
		}
		var f foreignQuery
		n.Accept(&f)
		return f.found
	case *ast.CreateTableStmt:
		return foreignTable(n)
	case *ast.AlterTableStmt:
		return foreignAlter(n)
	case *ast.CreateIndexStmt:
		if n.IfNotExists {
			return at("if not exists")
		}
		return foreignIndex(n.IndexOption)
	case *ast.DropIndexStmt:
		if n.IfExists {
			return at("if exists")
		}
	case *ast.BeginStmt:
		return foreignBegin(n)
	case *ast.CreateDatabaseStmt:
		return foreignDatabase(n.Options)
	case *ast.AlterDatabaseStmt:
		return foreignDatabase(n.Options)
	case *ast.KillStmt:
		if n.TiDBExtension {
			return behind("kill tidb ?", 2)
		}
	case *ast.ShowStmt:
		if n.Pattern != nil && !isText(n.Pattern.Pattern) {
			return behind("like ?", 1)
		}
		return foreignShows[n.Tp]
	case *ast.CreateUserStmt:
		if n.ResourceGroupNameOption != nil {
			return at("resource")
		}
	case *ast.AlterUserStmt:
		if n.ResourceGroupNameOption != nil {
			return at("resource")
		}
	case *ast.AnalyzeTableStmt:
		return foreignAnalyze(n)
	case *ast.ExplainStmt:
		if n.Explore {
			return behind("explore ?", 1)
		}
		return foreignStatement(n.Stmt, text)
	}
	return foreignKind(n)
}

// hinted: a DELETE of one table takes no index hints.
func hinted(n *ast.DeleteStmt) *stumble {
	source, _ := n.TableRefs.TableRefs.Left.(*ast.TableSource)
	if source == nil {
		return nil
	}
	t, ok := source.Source.(*ast.TableName)
	if !ok || len(t.IndexHints) == 0 {
		return nil
	}
	word := map[ast.IndexHintType]string{ast.HintUse: "use", ast.HintIgnore: "ignore", ast.HintForce: "force"}[t.IndexHints[0].HintType]
	s := at(word + " index")
	s.other = at(word + " key")
	return s
}

// foreignKind is of statements that MySQL lacks altogether.
func foreignKind(n ast.StmtNode) *stumble {
	switch n.(type) {
	case *ast.AdminStmt, *ast.SplitRegionStmt, *ast.TraceStmt, *ast.RecoverTableStmt, *ast.FlashBackTableStmt, *ast.FlashBackDatabaseStmt,
		*ast.FlashBackToTimestampStmt, *ast.NonTransactionalDMLStmt, *ast.PlanReplayerStmt, *ast.BRIEStmt, *ast.CalibrateResourceStmt,
		*ast.RecommendIndexStmt, *ast.DistributeTableStmt, *ast.RefreshStatsStmt, *ast.TrafficStmt, *ast.CancelDistributionJobStmt,
		*ast.ImportIntoActionStmt, *ast.AddQueryWatchStmt:
		return at("?")
	case *ast.CreateSequenceStmt, *ast.DropSequenceStmt, *ast.AlterSequenceStmt, *ast.CreateBindingStmt, *ast.DropBindingStmt, *ast.SetBindingStmt,
		*ast.CreatePlacementPolicyStmt, *ast.DropPlacementPolicyStmt, *ast.AlterPlacementPolicyStmt, *ast.CreateMaskingPolicyStmt,
		*ast.CreateStatisticsStmt, *ast.DropStatisticsStmt, *ast.DropStatsStmt, *ast.LoadStatsStmt, *ast.LockStatsStmt, *ast.UnlockStatsStmt,
		*ast.AlterRangeStmt, *ast.ImportIntoStmt, *ast.DropQueryWatchStmt:
		return behind("? ?", 1)
	case *ast.CompactTableStmt:
		return at("compact")
	case *ast.SetSessionStatesStmt, *ast.SetConfigStmt:
		return behind("? ? ?", 2)
	}
	return nil
}

// isText tells a literal string: LIKE of a SHOW takes nothing else.
func isText(e ast.ExprNode) bool {
	v, ok := e.(*driver.ValueExpr)
	return ok && v.Kind() == driver.KindString
}

// foreignShows are the kinds of SHOW that MySQL lacks.
var foreignShows = map[ast.ShowStmtType]*stumble{
	ast.ShowCreateSequence: behind("show create ?", 2), ast.ShowCreatePlacementPolicy: behind("show create ?", 2), ast.ShowCreateImport: behind("show create ?", 2),
	ast.ShowCreateResourceGroup: behind("show create ?", 2),
	ast.ShowSessionStates:       behind("show session_states", 1),
}

func init() {
	for _, t := range []ast.ShowStmtType{
		ast.ShowMaskingPolicies, ast.ShowConfig, ast.ShowStatsExtended, ast.ShowStatsMeta, ast.ShowStatsHistograms, ast.ShowStatsTopN, ast.ShowStatsBuckets,
		ast.ShowStatsHealthy, ast.ShowStatsLocked, ast.ShowHistogramsInFlight, ast.ShowColumnStatsUsage, ast.ShowBindings, ast.ShowBindingCacheStatus,
		ast.ShowAnalyzeStatus, ast.ShowRegions, ast.ShowBuiltins, ast.ShowTableNextRowId, ast.ShowBackups, ast.ShowRestores, ast.ShowImports, ast.ShowPlacement,
		ast.ShowPlacementForDatabase, ast.ShowPlacementForTable, ast.ShowPlacementForPartition, ast.ShowPlacementLabels, ast.ShowImportJobs,
		ast.ShowImportGroups, ast.ShowDistributions, ast.ShowDistributionJobs, ast.ShowAffinity,
	} {
		foreignShows[t] = behind("show ?", 1)
	}
}

// foreignAnalyze: of the clauses about what is looked at, MySQL has those of histograms.
func foreignAnalyze(n *ast.AnalyzeTableStmt) *stumble {
	switch {
	case n.HistogramOperation != ast.HistogramOperationNop:
	case n.Incremental:
		return at("incremental")
	case n.IndexFlag:
		return at("index")
	case n.ColumnChoice == ast.AllColumns:
		return at("all columns")
	case n.ColumnChoice == ast.PredicateColumns:
		return at("predicate columns")
	case n.ColumnChoice == ast.ColumnList:
		return at("columns")
	case len(n.AnalyzeOpts) > 0:
		return at("with")
	case len(n.PartitionNames) > 0:
		return at("partition")
	}
	return nil
}

// foreignBegin: BEGIN takes no mode, and of the clauses about the past this server has AS OF TIMESTAMP.
func foreignBegin(n *ast.BeginStmt) *stumble {
	switch {
	case n.Mode != "":
		return behind("begin ?", 1)
	case n.CausalConsistencyOnly:
		return at("causal")
	}
	return nil
}

func foreignDatabase(options []*ast.DatabaseOption) *stumble {
	for _, o := range options {
		switch o.Tp {
		case ast.DatabaseOptionCharset, ast.DatabaseOptionCollate, ast.DatabaseOptionEncryption:
		case ast.DatabaseOptionPlacementPolicy:
			return at("placement")
		default:
			return at("set tiflash")
		}
	}
	return nil
}

// foreignQuery looks for clauses of queries and data changes.
type foreignQuery struct{ found *stumble }

// Enter looks at a node.
func (f *foreignQuery) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		if l := n.LockInfo; l != nil && l.LockType == ast.SelectLockForUpdateWaitN {
			f.found = at("wait")
		}
	case *ast.TableName:
		if n.TableSample != nil {
			f.found = behind("tablesample ?", 1)
		}
	}
	return n, f.found != nil
}

// Leave goes on while nothing was found.
func (f *foreignQuery) Leave(n ast.Node) (ast.Node, bool) { return n, f.found == nil }

// foreignOptions are the options of tables that MySQL lacks, by their first word.
var foreignOptions = map[ast.TableOptionType]string{
	ast.TableOptionAutoIdCache: "auto_id_cache", ast.TableOptionAutoRandomBase: "auto_random_base", ast.TableOptionShardRowID: "shard_row_id_bits",
	ast.TableOptionPreSplitRegion: "pre_split_regions", ast.TableOptionStatsBuckets: "stats_buckets", ast.TableOptionStatsTopN: "stats_topn",
	ast.TableOptionStatsSampleRate: "stats_sample_rate", ast.TableOptionStatsColsChoice: "stats_col_choice", ast.TableOptionStatsColList: "stats_col_list",
	ast.TableOptionTTL: "ttl", ast.TableOptionTTLEnable: "ttl_enable", ast.TableOptionTTLJobInterval: "ttl_job_interval",
	ast.TableOptionPlacementPolicy: "placement", ast.TableOptionAffinity: "affinity", ast.TableOptionPageChecksum: "page_checksum",
	ast.TableOptionPageCompressed: "page_compressed", ast.TableOptionPageCompressionLevel: "page_compression_level",
	ast.TableOptionTransactional: "transactional", ast.TableOptionSequence: "sequence", ast.TableOptionIetfQuotes: "ietf_quotes",
}

func foreignTableOptions(options []*ast.TableOption) *stumble {
	for _, o := range options {
		if w := foreignOptions[o.Tp]; w != "" {
			return at(w).outside()
		}
		if (o.Tp == ast.TableOptionAutoIncrement || o.Tp == ast.TableOptionAutoRandomBase) && o.BoolValue {
			return behind("force auto_increment", 1).outside()
		}
	}
	return nil
}

func foreignTable(n *ast.CreateTableStmt) *stumble {
	if n.TemporaryKeyword == ast.TemporaryGlobal {
		return at("global")
	}
	if s := firstOf(foreignColumns(n.Cols), foreignConstraints(n.Constraints), foreignTableOptions(n.Options)); s != nil {
		return s
	}
	if n.Partition != nil {
		if n.Partition.Interval != nil {
			return at("interval").outside()
		}
		for _, d := range n.Partition.Definitions {
			if s := foreignTableOptions(d.Options); s != nil {
				s.outer = false
				return s
			}
		}
	}
	if n.Select != nil {
		var f foreignQuery
		n.Select.Accept(&f)
		return f.found
	}
	return nil
}

func foreignColumns(cols []*ast.ColumnDef) *stumble {
	for _, c := range cols {
		if c.Tp != nil && c.Tp.GetType() == mysql.TypeTiDBVectorFloat32 {
			return at("vector")
		}
		for _, o := range c.Options {
			switch {
			case o.Tp == ast.ColumnOptionAutoRandom:
				return at("auto_random")
			case o.PrimaryKeyTp == ast.PrimaryKeyTypeClustered:
				return at("clustered")
			case o.PrimaryKeyTp == ast.PrimaryKeyTypeNonClustered:
				return at("nonclustered")
			}
		}
	}
	return nil
}

func foreignConstraints(list []*ast.Constraint) *stumble {
	for _, c := range list {
		switch c.Tp {
		case ast.ConstraintVector, ast.ConstraintColumnar:
			return at("index")
		}
		if c.IfNotExists {
			return at("if not exists")
		}
		if s := foreignIndex(c.Option); s != nil {
			return s
		}
	}
	return nil
}

func foreignIndex(o *ast.IndexOption) *stumble {
	switch {
	case o == nil:
	case o.PrimaryKeyTp == ast.PrimaryKeyTypeClustered:
		return at("clustered")
	case o.PrimaryKeyTp == ast.PrimaryKeyTypeNonClustered:
		return at("nonclustered")
	case o.Global:
		return at("global")
	case o.SplitOpt != nil:
		return at("pre_split_regions")
	case o.Condition != nil:
		return at("where")
	case o.AddColumnarReplicaOnDemand > 0:
		return at("add_columnar_replica_on_demand")
	case o.Tp == ast.IndexTypeHypo:
		return behind("using hypo", 1)
	case o.Tp == ast.IndexTypeHNSW:
		return behind("using hnsw", 1)
	case o.Tp == ast.IndexTypeInverted:
		return behind("using inverted", 1)
	}
	return nil
}

// foreignClauses are the clauses of ALTER TABLE that MySQL lacks.
var foreignClauses = map[ast.AlterTableType]*stumble{
	ast.AlterTableSetTiFlashReplica: at("set"), ast.AlterTableCache: at("cache"), ast.AlterTableNoCache: at("nocache"),
	ast.AlterTableAddStatistics: behind("add stats_extended ?", 2), ast.AlterTableDropStatistics: behind("drop stats_extended ?", 2),
	ast.AlterTableAttributes: at("attributes"), ast.AlterTablePartitionAttributes: at("partition"), ast.AlterTablePartitionOptions: at("partition"),
	ast.AlterTableStatsOptions: at("stats_options"), ast.AlterTableDropFirstPartition: at("first partition"), ast.AlterTableAddLastPartition: at("last partition"),
	ast.AlterTableReorganizeLastPartition: at("split"), ast.AlterTableReorganizeFirstPartition: at("merge"), ast.AlterTableRemoveTTL: behind("remove ttl", 1),
	ast.AlterTableSplitIndex: at("split"), ast.AlterTableAddMaskingPolicy: behind("add masking policy", 2),
	ast.AlterTableEnableMaskingPolicy: behind("enable masking", 1), ast.AlterTableDisableMaskingPolicy: behind("disable masking", 1),
	ast.AlterTableDropMaskingPolicy: behind("drop masking policy", 2), ast.AlterTableModifyMaskingPolicyExpression: behind("modify masking policy", 2),
	ast.AlterTableModifyMaskingPolicyRestrictOn: behind("modify masking policy", 2), ast.AlterTableWriteable: at("read"),
}

func foreignAlter(n *ast.AlterTableStmt) *stumble {
	for _, spec := range n.Specs {
		switch {
		case spec.IfExists:
			return at("if exists")
		case spec.IfNotExists:
			return at("if not exists")
		case foreignClauses[spec.Tp] != nil:
			return foreignClauses[spec.Tp]
		}
		constraints := spec.NewConstraints
		if spec.Constraint != nil {
			constraints = append(constraints[:len(constraints):len(constraints)], spec.Constraint)
		}
		if s := firstOf(foreignColumns(spec.NewColumns), foreignConstraints(constraints), foreignTableOptions(spec.Options)); s != nil {
			return s
		}
	}
	return nil
}
