package schema

// View is a named query. It shares its names, and the sequence of its ids, with the tables of its database. Like a Table it is
// immutable once published, and a change makes a copy with a higher Version; plans depend on both alike.
type View struct {
	ID       TableID    `json:"id"`
	Database DatabaseID `json:"database"`
	Name     string     `json:"name"`
	Version  uint64     `json:"version"`
	// Query is the SELECT with all names written out and quoted, so that neither the current database nor sql_mode, nor a column that
	// a table gets later, changes what it means.
	Query   string    `json:"query"`
	Columns []string  `json:"columns"`
	Listed  bool      `json:"listed,omitempty"` // CREATE VIEW named Columns; otherwise they are the names of Query's
	Uses    []ViewUse `json:"uses,omitempty"`   // the tables and views that Query names, each once

	Algorithm   ViewAlgorithm   `json:"algorithm,omitempty"`
	CheckOption ViewCheckOption `json:"checkOption,omitempty"`
	Invoker     bool            `json:"invoker,omitempty"` // SQL SECURITY INVOKER
	DefinerUser string          `json:"definerUser"`
	DefinerHost string          `json:"definerHost"`
	Updatable   bool            `json:"updatable,omitempty"` // IS_UPDATABLE, as it was when the view was made

	Charset       string `json:"charset"`   // character_set_client of whoever made it
	Collation     string `json:"collation"` // collation_connection
	CreatedMicros int64  `json:"createdMicros"`
}

// ViewUse is a table or view that a view reads.
type ViewUse struct {
	DB    string `json:"db"`
	Table string `json:"table"`
}

// ViewAlgorithm is what ALGORITHM asks for.
type ViewAlgorithm uint8

// The algorithms.
const (
	AlgorithmUndefined ViewAlgorithm = iota
	AlgorithmMerge
	AlgorithmTemptable
)

func (a ViewAlgorithm) String() string {
	return [...]string{"UNDEFINED", "MERGE", "TEMPTABLE"}[min(a, AlgorithmTemptable)]
}

// ViewCheckOption is WITH … CHECK OPTION.
type ViewCheckOption uint8

// The options.
const (
	CheckNone ViewCheckOption = iota
	CheckLocal
	CheckCascaded
)

func (o ViewCheckOption) String() string {
	return [...]string{"NONE", "LOCAL", "CASCADED"}[min(o, CheckCascaded)]
}
