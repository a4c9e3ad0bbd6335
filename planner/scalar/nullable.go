package scalar

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// What MySQL says of a computed column, "it is never NULL": a function's result is taken to be NULL where an argument may be,
// unless the function is of those that have no value for some. Nothing but what clients and CREATE TABLE … SELECT are told may
// rest on it.

// followers are the functions whose result is NULL only where an argument is.
var followers = set(
	"=", "<>", "<", "<=", ">", ">=", "and", "or", "not", "between", "in", "like", "+", "-", "*",
	"!=", "&&", "||", "xor", "!", "not between", "not in", "not like", "regexp", "not regexp", "rlike", "not rlike", "regexp_like",
	"&", "|", "^", "~", "<<", ">>", "bytes &", "bytes |", "bytes ^", "bytes ~", "bytes <<", "bytes >>", "bit_count", "neg", "unary +", "abs", "ceil", "ceiling", "floor", "round", "truncate", "sign",
	"concat", "concat_ws", "substring", "substr", "mid", "left", "right", "trim", "ltrim", "rtrim", "replace", "reverse",
	"insert", "insert_func", "ucase", "lcase", "upper", "lower", "hex", "ascii", "ord", "char_length", "character_length",
	"length", "octet_length", "bit_length", "instr", "locate", "position", "find_in_set", "strcmp", "greatest", "least",
	"substring_index", "md5", "sha", "sha1", "crc32", "soundex", "quote", "format", "char", "char using", "export_set",
	"period_add", "period_diff", "in collation", "degrees", "radians", "rand", "sleep", "binary", "collate", "convert using", "any_value",
)

// repeaters are the functions whose result is as long as an argument says: which one, from 1.
var repeaters = map[string]int{"repeat": 2, "lpad": 2, "rpad": 2, "space": 1}

// constants are functions that always have a value.
var constants = set("isnull", "utc_date", "utc_time", "utc_timestamp", "sysdate", "last_insert_id", "found_rows", "row_count", "uuid_short", "field", "interval",
	"now", "curdate", "curtime", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "pi", "version", "connection_id",
	"charset", "collation", "coercibility", "uuid")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// DeclaredNotNull tells whether MySQL says of e that it is never NULL; known does for what it knows better: constants, columns.
func DeclaredNotNull(e expr.Expr, known func(e expr.Expr) bool) bool {
	if known(e) {
		return true
	}
	x, ok := e.(*expr.Call)
	if !ok {
		return false
	}
	args := x.Args()
	switch name := x.Name(); {
	case constants[name]:
		return true
	case followers[name], name == "cast" && !losesValues(x.Type()):
		return allDeclared(args, known)
	case repeaters[name] > 0: // which may become too long where it is not known how often
		_, constant := args[repeaters[name]-1].(*expr.Const)
		return constant && allDeclared(args, known)
	case name == "if":
		return allDeclared(args[1:], known)
	case name == "case":
		return len(args)%2 == 1 && allDeclared(results(args), known)
	case name == "ifnull", name == "coalesce":
		return slices.ContainsFunc(args, func(a expr.Expr) bool { return DeclaredNotNull(a, known) })
	}
	return false
}

// losesValues tells of a CAST that has no value for some arguments.
func losesValues(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt:
		return t.ID == mysql.TypeYear
	case types.ClassDecimal, types.ClassString:
		return false
	}
	return true
}

// results are what CASE chooses from: WHEN and THEN take turns, ELSE comes last.
func results(args []expr.Expr) (list []expr.Expr) {
	for i := range args {
		if i%2 == 1 || i == len(args)-1 {
			list = append(list, args[i])
		}
	}
	return list
}

func allDeclared(args []expr.Expr, known func(e expr.Expr) bool) bool {
	return !slices.ContainsFunc(args, func(a expr.Expr) bool { return !DeclaredNotNull(a, known) })
}
