package ddl

import (
	"cloudsql/storage/mysqlerr"
)

// Limits of MySQL with InnoDB.
const (
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

func errKeyTooLong() error {
	return mysqlerr.New(mysqlerr.TooLongKey, maxIndexBytes)
}

func errBlobDefault(column string) *mysqlerr.Error {
	return mysqlerr.New(mysqlerr.BlobCantHaveDefault, column)
}

func errRowTooBig() error {
	return mysqlerr.New(mysqlerr.TooBigRowsize, maxRowBytes)
}

func errJSONKey(column string) error {
	return mysqlerr.New(mysqlerr.JSONUsedAsKey, column)
}

func errCantDrop(name string) error {
	return mysqlerr.New(mysqlerr.CantDropFieldOrKey, name)
}

func errTooBigPrecision(n int, column string, limit int) error {
	return mysqlerr.New(mysqlerr.TooBigPrecision, n, column, limit)
}

func errInvalidDefault(column string) error { return mysqlerr.New(mysqlerr.InvalidDefault, column) }

func errFieldSpec(column string) error { return mysqlerr.New(mysqlerr.WrongFieldSpec, column) }
