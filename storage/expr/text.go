package expr

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Small helpers on text.

func itoa(i int) string     { return strconv.Itoa(i) }
func itoa64(i int64) string { return strconv.FormatInt(i, 10) }

func hexText(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func runeCount(b []byte) int { return utf8.RuneCount(b) }

// appendQuoted appends b as an SQL string literal.
func appendQuoted(dst, b []byte) []byte {
	dst = append(dst, '\'')
	for _, c := range b {
		switch c {
		case 0:
			dst = append(dst, '\\', '0')
		case 26:
			dst = append(dst, '\\', 'Z')
		case '\'', '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '\'')
}

func sign(i int) int {
	switch {
	case i < 0:
		return -1
	case i > 0:
		return 1
	}
	return 0
}
