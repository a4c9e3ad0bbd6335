package ddl

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// Limits of MySQL with InnoDB.
const (
	maxNameChars    = 64
	maxColumns      = 1017
	maxIndexes      = 64
	maxIndexParts   = 16
	maxIndexBytes   = 3072
	maxRowBytes     = 65535
	maxCharLength   = 255
	maxStringBytes  = 65535
	maxTextLength   = 1<<32 - 1
	maxEnumElems    = 65535
	maxSetElems     = 64
	maxFsp          = 6
	maxDisplayWidth = 255
	maxBitWidth     = 64
	maxPrecision    = 65
	maxScale        = 30
	maxCommentChars = 1024
	maxTableComment = 2048
)

// Codes that the parser's table has no name for.
const (
	errTooLongTableComment = 1628
	errTooLongFieldComment = 1629
	errTooLongIndexComment = 1688
	errTooManyEnumElems    = 3135
	errInvisiblePrimary    = 3522
	errCheckDuplicate      = 3822
	errConstraintNotFound  = 3940
)

// The messages below differ between MySQL 8.0 and the parser's table.

func errKeyTooLong() error {
	return mysqlerr.Newf(mysql.ErrTooLongKey, "Specified key was too long; max key length is %d bytes", maxIndexBytes)
}

func errBlobDefault(column string) *mysqlerr.Error {
	return mysqlerr.Newf(mysql.ErrBlobCantHaveDefault,
		"BLOB, TEXT, GEOMETRY or JSON column '%s' can't have a default value", column)
}

func errRowTooBig() error {
	return mysqlerr.Newf(mysql.ErrTooBigRowsize, "Row size too large. The maximum row size for the used table type, "+
		"not counting BLOBs, is %d. This includes storage overhead, check the manual. You have to change some columns "+
		"to TEXT or BLOBs", maxRowBytes)
}

func errJSONKey(column string) error {
	return mysqlerr.Newf(mysql.ErrJSONUsedAsKey,
		"JSON column '%s' supports indexing only via generated columns on a specified JSON path.", column)
}

func errCantDrop(name string) error {
	return mysqlerr.Newf(mysql.ErrCantDropFieldOrKey, "Can't DROP '%s'; check that column/key exists", name)
}

func errTooBigPrecision(n int, column string, limit int) error {
	return mysqlerr.Newf(mysql.ErrTooBigPrecision, "Too-big precision %d specified for '%s'. Maximum is %d.", n, column, limit)
}

func errInvalidDefault(column string) error { return mysqlerr.New(mysql.ErrInvalidDefault, column) }

func errFieldSpec(column string) error { return mysqlerr.New(mysql.ErrWrongFieldSpec, column) }
