package types

// Field describes one column of a result set as the wire shows it.
type Field struct {
	Schema, Table, OrgTable, Name, OrgName string
	Type                                   Type
	Flags                                  uint16 // mysql.NotNullFlag, mysql.PriKeyFlag, …
	Common                                 bool   // the type is that of several queries: a BIGINT is one, however small its values
}
