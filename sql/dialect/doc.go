// Package dialect reads what of MySQL's language is not left to the parser, from texts and without a grammar; all of it on one lexer
// (lexer.Lexer), so that a quote, a comment or a semicolon means the same to each:
//
//	split.go       a text of several statements → the first one and the rest
//	extract.go     a text → itself without its literals, which names a plan that others may have made; and the literals
//	recognise.go   statements that the parser does not know or does not tell apart → Statements, or a text that it does know
//	show.go        the forms of SHOW and DESCRIBE that the parser lacks
//	intovars.go    SELECT … INTO @a, @b
//	intofile.go    SELECT … INTO OUTFILE and INTO DUMPFILE
//	load.go        LOAD DATA
//
// Invariants: what does not fit exactly is left to the parser, which has the errors for it; nothing here depends on a session but for
// its sql_mode. The extractor takes two texts for one statement only where they are, up to the values of their literals: literals
// whose place matters to meaning or to column names (the select list, ORDER BY and GROUP BY ordinals) stay in the text; a text that
// it is not sure of (comments, hints, hex, introducers, several statements, subqueries) is left alone, and so are unusual sql_modes.
package dialect
