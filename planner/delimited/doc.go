// Package delimited reads and writes the rows of text files: the clauses FIELDS and LINES of LOAD DATA and SELECT … INTO OUTFILE.
//
//	Reader   bytes → lines → fields, as LOAD DATA understands them: a field's text, whether it was enclosed, whether it is NULL
//	Writer   values → lines of text, as SELECT … INTO OUTFILE writes them
//
// What the Reader makes of any bytes is what MySQL's does (sql_load.cc): a terminator inside an enclosed field is text, a doubled
// enclosing character is one, an enclosing character that no terminator follows is text, \N alone is NULL, a line's end need not be
// there at the end of the file.
//
// Invariants: the Reader holds one field and a window of the file, never the file; a field that is larger than MaxField ends it
// with 1153. What the Writer writes with separators that can be told apart, the Reader reads back (TestRoundTrip).
package delimited
