// Package expr is the language of values: bound, typed scalar expressions and aggregates that gateways and shards
// evaluate alike.
//
// # Shape
//
// A tree has four kinds of nodes: Column, Const, Param and Call. A Call is built by New from a name that the registry
// knows; New works out, once, what MySQL works out when it resolves an item: the result type as clients see it in column
// metadata, the collation that strings compare under (coercibility: COLLATE before columns before literals), and the
// evaluator that fits the arguments' classes. Evaluation then is a walk of calls without any decision about types that
// could have been made before.
//
//	SQL text → (planner's AST builder) → New … → Fold → Encode → fragment → Decode → Eval per row
//
// # Invariants
//
//   - An expression is immutable and safe for concurrent use; what lasts from row to row is in the Env.
//   - Eval of a Pure expression depends on its row and the constants of its Env (Mode, Now, Params) only, so that every
//     replica computes the same. NeedsSession and Volatile calls cannot be encoded; the gateway folds or runs them.
//   - Encode and Decode are inverse. Types and collations travel; a decoder never works them out again.
//   - Rewrite and Fold keep the types that New found, so a column may give way to a parameter or a constant.
//   - A condition is a *mysqlerr.Error where it stops the statement, and a call of Env.Warn where it does not.
//
// # Operators and other names for New
//
// Functions go by MySQL's name in lower case. Operators and special syntax:
//
//   - - * / div %            arithmetic; "-" with one argument and "neg" negate; "unary +"
//     & | ^ << >> ~            on 64-bit numbers
//     = <=> <> != < <= > >=    rows, New("row", a, b), become AND/OR of their members
//     and or xor not && || !   and/or take any number of arguments and are flattened
//     is null, is not null, is true, is not true, is false, is not false, is unknown, is not unknown
//     between(x, lo, hi), not between; in(x, a, b, …), not in (rows allowed)
//     like(s, pattern[, escape]), not like; regexp(s, pattern), rlike, not regexp, not rlike
//     case(when1, then1, …[, else]); case value(x, when1, then1, …[, else])
//     if ifnull nullif coalesce greatest least interval(n, n1, …)
//     interval +(date, amount, 'unit'), interval -     also date_add, date_sub, adddate, subdate; days without a unit
//     extract('unit', date)  timestampdiff('unit', a, b)  timestampadd('unit', n, date)  get_format('date', 'USA')
//     trim(s[, remove[, 'both'|'leading'|'trailing']])  position(sub, s)  substring(s, pos[, len])
//     char(n, …)  char using('charset', n, …)  convert using(s, 'charset')  binary(e)  weight_string(s[, 'char'|'binary', n])
//     ->(doc, path)  ->>(doc, path)  member of(value, array)
//     @('name') or NewUserVar; :=('name', e); @@('scope', 'name') or NewSysVar
//     NewCast for CAST and CONVERT(e, type); NewCollate for COLLATE
//
// Constants that stand for keywords (units, trim's side, charsets) are string constants in any case. DEFAULT(c), VALUES(c)
// and subqueries are the planner's: they are columns, or NewFunc. Functions of MySQL that are missing are refused with
// 1235, names that MySQL does not know either with 1305.
//
// # Data changes
//
// An executor of INSERT, UPDATE and DELETE sets Env.InDML, and under a strict sql_mode StrictWarnings as Env.Warn, which
// turns the warnings that strict mode does not forgive into the statement's error.
//
// # Aggregates
//
// An Agg is typed by NewAgg and runs as a State per group. States of Partial aggregates travel as plain values
// (PartialTypes) and merge: shards send them and the gateway adds them up. DISTINCT aggregates and GROUP_CONCAT need all
// their rows in one place.
package expr
