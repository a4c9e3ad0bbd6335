package protocol

import (
	"fmt"
	"testing"

	wire "github.com/go-mysql-org/go-mysql/mysql"
	parser "github.com/pingcap/tidb/pkg/parser/mysql"
)

// TestConstantsOfBothLibraries: the floors below write type ids, column flags and statuses, and read capabilities, with
// the parser's constants; this one sends them as go-mysql's.
func TestConstantsOfBothLibraries(t *testing.T) {
	for name, pair := range map[string][2]any{
		"TINY":        {wire.MYSQL_TYPE_TINY, parser.TypeTiny},
		"SHORT":       {wire.MYSQL_TYPE_SHORT, parser.TypeShort},
		"INT24":       {wire.MYSQL_TYPE_INT24, parser.TypeInt24},
		"LONG":        {wire.MYSQL_TYPE_LONG, parser.TypeLong},
		"LONGLONG":    {wire.MYSQL_TYPE_LONGLONG, parser.TypeLonglong},
		"FLOAT":       {wire.MYSQL_TYPE_FLOAT, parser.TypeFloat},
		"DOUBLE":      {wire.MYSQL_TYPE_DOUBLE, parser.TypeDouble},
		"NEWDECIMAL":  {wire.MYSQL_TYPE_NEWDECIMAL, parser.TypeNewDecimal},
		"NULL":        {wire.MYSQL_TYPE_NULL, parser.TypeNull},
		"DATE":        {wire.MYSQL_TYPE_DATE, parser.TypeDate},
		"DATETIME":    {wire.MYSQL_TYPE_DATETIME, parser.TypeDatetime},
		"TIMESTAMP":   {wire.MYSQL_TYPE_TIMESTAMP, parser.TypeTimestamp},
		"TIME":        {wire.MYSQL_TYPE_TIME, parser.TypeDuration},
		"YEAR":        {wire.MYSQL_TYPE_YEAR, parser.TypeYear},
		"VARCHAR":     {wire.MYSQL_TYPE_VARCHAR, parser.TypeVarchar},
		"VAR_STRING":  {wire.MYSQL_TYPE_VAR_STRING, parser.TypeVarString},
		"STRING":      {wire.MYSQL_TYPE_STRING, parser.TypeString},
		"TINY_BLOB":   {wire.MYSQL_TYPE_TINY_BLOB, parser.TypeTinyBlob},
		"BLOB":        {wire.MYSQL_TYPE_BLOB, parser.TypeBlob},
		"MEDIUM_BLOB": {wire.MYSQL_TYPE_MEDIUM_BLOB, parser.TypeMediumBlob},
		"LONG_BLOB":   {wire.MYSQL_TYPE_LONG_BLOB, parser.TypeLongBlob},
		"ENUM":        {wire.MYSQL_TYPE_ENUM, parser.TypeEnum},
		"SET":         {wire.MYSQL_TYPE_SET, parser.TypeSet},
		"BIT":         {wire.MYSQL_TYPE_BIT, parser.TypeBit},
		"JSON":        {wire.MYSQL_TYPE_JSON, parser.TypeJSON},

		"NOT_NULL":       {wire.NOT_NULL_FLAG, parser.NotNullFlag},
		"PRI_KEY":        {wire.PRI_KEY_FLAG, parser.PriKeyFlag},
		"UNIQUE_KEY":     {wire.UNIQUE_KEY_FLAG, parser.UniqueKeyFlag},
		"AUTO_INCREMENT": {wire.AUTO_INCREMENT_FLAG, parser.AutoIncrementFlag},

		"IN_TRANS":             {wire.SERVER_STATUS_IN_TRANS, parser.ServerStatusInTrans},
		"AUTOCOMMIT":           {wire.SERVER_STATUS_AUTOCOMMIT, parser.ServerStatusAutocommit},
		"NO_BACKSLASH_ESCAPED": {wire.SERVER_STATUS_NO_BACKSLASH_ESCAPED, parser.ServerStatusNoBackslashEscaped},

		"FOUND_ROWS":       {wire.CLIENT_FOUND_ROWS, parser.ClientFoundRows},
		"IGNORE_SPACE":     {wire.CLIENT_IGNORE_SPACE, parser.ClientIgnoreSpace},
		"INTERACTIVE":      {wire.CLIENT_INTERACTIVE, parser.ClientInteractive},
		"MULTI_STATEMENTS": {wire.CLIENT_MULTI_STATEMENTS, parser.ClientMultiStatements},
	} {
		if fmt.Sprint(pair[0]) != fmt.Sprint(pair[1]) {
			t.Errorf("%s: %v for clients, %v below", name, pair[0], pair[1])
		}
	}
}
